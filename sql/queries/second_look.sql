-- name: any_operational
select 1 from dose.operational where year between %(first)s and %(last)s limit 1

-- name: worn_table
-- Wear periods to hold operational results against, in days since 1970-01-01; several lines for a merged person.
create temp table if not exists worn (
    place integer not null,
    worker_id integer not null,
    first_day integer not null,
    last_day integer not null
) on commit delete rows;
truncate worn;

-- name: operational
-- A passage lies within a wear period from the first minute of its first day to the last minute of its last.
select w.place, sum(o.value_usv)::bigint
from worn as w
inner join dose.operational as o
    on
        w.worker_id = o.worker_id
        and o.start_minute >= w.first_day * 1440 and o.start_minute < (w.last_day + 1) * 1440
        and o.end_minute < (w.last_day + 1) * 1440
where
    o.until_load is null and o.quantity = %(photons)s
    and o.year between %(first)s and %(last)s
group by w.place

-- name: looked_table
-- Rows that a load brought and that may carry AVT-05.
create temp table if not exists looked_at (
    submission_id integer not null,
    line integer not null,
    person_id integer not null,
    establishment_id integer not null,
    day date not null
) on commit delete rows;
-- Numbers that it touched, and what it brought them (too high rather than too low).
create temp table if not exists touched (worker_id integer not null, usv bigint not null) on commit delete rows;
create temp table if not exists may_be_above (worker_id integer not null) on commit delete rows;
truncate looked_at, touched, may_be_above;

-- name: brought_passive
insert into looked_at (submission_id, line, person_id, establishment_id, day)
select d.submission_id, d.line, coalesce(a.person_id, d.worker_id), d.establishment_id, d.end_day
from dose.passive as d
left join identity.alias as a on d.worker_id = a.worker_id and a.until_load is null
where
    d.since_load = %(load)s and d.adjusts is null and d.value_usv > 0
    and d.quantity = any(%(external)s) and d.state = any(%(measured)s)
    and d.worker_id in (select h.worker_id from may_be_above as h)

-- name: brought_engagee
insert into looked_at (submission_id, line, person_id, establishment_id, day)
select d.submission_id, d.line, coalesce(a.person_id, d.worker_id), d.establishment_id, d.end_day
from dose.committed as d
left join identity.alias as a on d.worker_id = a.worker_id and a.until_load is null
where
    d.since_load = %(load)s and d.adjusts is null and d.value_usv > 0
    and d.worker_id in (select h.worker_id from may_be_above as h)

-- name: brought_navigant
insert into looked_at (submission_id, line, person_id, establishment_id, day)
select d.submission_id, d.line, coalesce(a.person_id, d.worker_id), d.establishment_id, d.end_day
from dose.aircrew as d
left join identity.alias as a on d.worker_id = a.worker_id and a.until_load is null
where
    d.since_load = %(load)s and d.adjusts is null and d.value_usv > 0
    and d.worker_id in (select h.worker_id from may_be_above as h)

-- name: may_be_above
-- Touched numbers that may be above: by what they hold around these days (too high rather than too low), or because
-- they share a person with another number. A result is cut above the ceiling: sums of small numbers are cheap.
insert into may_be_above (worker_id)
with summed as (
    select t.worker_id, least(t.usv, %(ceiling)s + 1)::integer as usv
    from touched as t
    union all
    select d.worker_id, least(d.value_usv, %(ceiling)s + 1)::integer
    from dose.passive as d
    where
        d.until_load is null and d.value_usv > 0 and d.quantity = any(%(external)s)
        and d.year between %(first)s and %(last)s and d.end_day > %(after)s and d.end_day <= %(until)s
        and (d.since_load <> %(load)s or d.adjusts is not null)
        and d.worker_id in (select t.worker_id from touched as t)
    union all
    select d.worker_id, least(d.value_usv, %(ceiling)s + 1)::integer
    from dose.committed as d
    where
        d.until_load is null and d.value_usv > 0 and d.year between %(first)s and %(last)s
        and (d.since_load <> %(load)s or d.adjusts is not null)
        and d.worker_id in (select t.worker_id from touched as t)
    union all
    select d.worker_id, least(d.value_usv, %(ceiling)s + 1)::integer
    from dose.aircrew as d
    where
        d.until_load is null and d.value_usv > 0 and d.year between %(first)s and %(last)s
        and (d.since_load <> %(load)s or d.adjusts is not null)
        and d.worker_id in (select t.worker_id from touched as t)
)
select s.worker_id from summed as s
group by s.worker_id
having sum(s.usv) > %(ceiling)s
union
select t.worker_id from touched as t inner join identity.alias as a on t.worker_id = a.worker_id and a.until_load is null
union
select t.worker_id from touched as t inner join identity.alias as a on t.worker_id = a.person_id and a.until_load is null

-- name: dismiss
-- Who cannot be above in any of the windows: all that these hold together does not reach it. Sums are too high rather
-- than too low: what balances a conclusion, below zero, is left out.
with span as (
    select person_id, (min(day) - interval '1 year')::date as before_first, max(day) as last_day
    from looked_at
    group by person_id
),
number as (
    select person_id, person_id as worker_id, before_first, last_day from span
    union all
    select s.person_id, a.worker_id, s.before_first, s.last_day
    from span as s
    inner join identity.alias as a on s.person_id = a.person_id and a.until_load is null
),
summed as (
    select n.person_id, d.value_usv
    from number as n
    inner join dose.passive as d
        on n.worker_id = d.worker_id and d.end_day > n.before_first and d.end_day <= n.last_day
    where
        d.until_load is null and d.value_usv > 0 and d.quantity = any(%(external)s)
        and d.year between %(first)s and %(last)s
    union all
    select n.person_id, d.value_usv
    from number as n
    inner join dose.committed as d
        on n.worker_id = d.worker_id and d.end_day > n.before_first and d.end_day <= n.last_day
    where d.until_load is null and d.value_usv > 0 and d.year between %(first)s and %(last)s
    union all
    select n.person_id, d.value_usv
    from number as n
    inner join dose.aircrew as d
        on n.worker_id = d.worker_id and d.end_day > n.before_first and d.end_day <= n.last_day
    where d.until_load is null and d.value_usv > 0 and d.year between %(first)s and %(last)s
),
high as (
    select s.person_id from summed as s
    group by s.person_id
    having sum(s.value_usv) > %(ceiling)s
)
delete from looked_at where person_id not in (select h.person_id from high as h)

-- name: of_class_b
-- Rows whose attachment is of class B on their day: by the value that began last by then, else by the first one (as
-- matching does). One attachment of a merged person suffices.
select l.submission_id, l.line, l.person_id, l.day
from looked_at as l
where exists (
    select 1
    from reference.attachment as t
    inner join lateral (
        select k.class from reference.attachment_status as k
        where k.attachment_id = t.attachment_id and k.until_load is null
        order by
            (k.valid_from <= l.day) desc,
            case when k.valid_from <= l.day then k.valid_from end desc,
            k.valid_from asc
        limit 1
    ) as s on true
    where
        t.establishment_id = l.establishment_id and s.class = 'B'
        and t.worker_id in (
            select l.person_id
            union all
            select m.worker_id from identity.alias as m where m.person_id = l.person_id and m.until_load is null
        )
)

-- name: add_code
update ledger.row_entry as r
set codes = r.codes | %(code)s
from unnest(%(submissions)s::integer[], %(lines)s::integer[]) as p (submission_id, line)
where r.submission_id = p.submission_id and r.line = p.line and r.since_load = %(load)s

-- name: enter_code
insert into ledger.row_entry (submission_id, line, since_load, codes, outcome)
select p.submission_id, p.line, %(load)s, %(code)s, 'I'
from unnest(%(submissions)s::integer[], %(lines)s::integer[]) as p (submission_id, line)
where not exists (
    select 1 from ledger.row_entry as r
    where r.submission_id = p.submission_id and r.line = p.line and r.since_load = %(load)s
)
