-- name: finding_table
-- What a standing check finds. Which columns a control fills stands with its query.
create temp table if not exists finding (
    person_id integer not null,
    establishment_id integer not null,
    other_establishment_id integer,
    sender_id integer,
    other_sender_id integer,
    quantity smallint,
    first_day date not null,
    last_day date not null,
    usv bigint,
    other_usv bigint,
    due_day date,
    passage boolean not null default false
) on commit delete rows;
truncate finding;

-- name: sorting_room
-- Millions of results are sorted; PostgreSQL's own setting would do it on disk.
set local work_mem = '256MB'

-- name: above_candidates
-- Persons who may have been above 6 mSv: with a class B anywhere, and more than that within the days that the windows
-- hold together. Sums are too high rather than too low.
with summed as (
    select d.worker_id, sum(d.value_usv) as usv
    from dose.passive as d
    where
        d.until_load is null and d.value_usv > 0 and d.quantity = any(%(external)s)
        and d.year between %(year)s - 1 and %(last_year)s and d.end_day <= %(last)s
        and d.end_day > %(first)s - interval '1 year'
    group by d.worker_id
    union all
    select d.worker_id, sum(d.value_usv)
    from dose.committed as d
    where d.until_load is null and d.value_usv > 0 and d.year between %(year)s - 1 and %(last_year)s
    group by d.worker_id
    union all
    select d.worker_id, sum(d.value_usv)
    from dose.aircrew as d
    where d.until_load is null and d.value_usv > 0 and d.year between %(year)s - 1 and %(last_year)s
    group by d.worker_id
),
high as (
    select coalesce(a.person_id, s.worker_id) as person_id
    from summed as s
    left join identity.alias as a on s.worker_id = a.worker_id and a.until_load is null
    group by coalesce(a.person_id, s.worker_id)
    having sum(s.usv) > %(ceiling)s
)
select h.person_id from high as h
where exists (
    select 1
    from reference.attachment as t
    inner join reference.attachment_status as s on t.attachment_id = s.attachment_id and s.until_load is null
    inner join identity.person as n on t.worker_id = n.worker_id
    where n.person_id = h.person_id and s.class = 'B'
)
order by h.person_id

-- name: find_passive_operationnelle
-- Wear periods whose passages add up to another dose (AVT-11). usv: passive, other_usv: operational. A passage and a
-- period meet in a stretch of 31 days, so that each is compared with few others.
with worn as (
    select
        row_number() over () as number,
        coalesce(a.person_id, d.worker_id) as person_id,
        d.establishment_id, d.sender_id, d.quantity, d.start_day, d.end_day,
        case when d.state = %(below)s then 0 else d.value_usv end as usv,
        (d.start_day - date '1970-01-01') * 1440 as first_minute,
        (d.end_day - date '1970-01-01' + 1) * 1440 as after_minute
    from dose.passive as d
    left join identity.alias as a on d.worker_id = a.worker_id and a.until_load is null
    where
        d.until_load is null and d.quantity = %(photons)s and d.state = any(%(measured)s)
        and d.end_day between %(first)s and %(last)s and d.year between %(year)s and %(last_year)s
        and not exists (
            select 1 from dose.passive_set_aside as k
            where k.sender_id = d.sender_id and k.measure_id = d.measure_id and k.year = d.year
        )
),
stretch as (
    select w.number, w.person_id, w.first_minute, w.after_minute, s.bucket
    from worn as w
    cross join lateral generate_series(w.first_minute / 44640, (w.after_minute - 1) / 44640) as s (bucket)
),
passage as (
    select
        coalesce(a.person_id, d.worker_id) as person_id, d.start_minute, d.end_minute, d.value_usv,
        d.start_minute / 44640 as bucket
    from dose.operational as d
    left join identity.alias as a on d.worker_id = a.worker_id and a.until_load is null
    where
        d.until_load is null and d.quantity = %(operational)s
        and d.end_minute < (%(last)s - date '1970-01-01' + 1) * 1440
        and d.year between %(year)s - 1 and %(last_year)s
),
inside as (
    select s.number, sum(p.value_usv) as usv
    from stretch as s
    inner join passage as p on s.person_id = p.person_id and s.bucket = p.bucket
    where p.start_minute >= s.first_minute and p.end_minute < s.after_minute
    group by s.number
)
insert into finding (person_id, establishment_id, sender_id, quantity, first_day, last_day, usv, other_usv)
select w.person_id, w.establishment_id, w.sender_id, w.quantity, w.start_day, w.end_day, w.usv, i.usv
from inside as i
inner join worn as w on i.number = w.number
where abs(w.usv - i.usv) > %(apart)s and 5 * abs(w.usv - i.usv) > greatest(w.usv, i.usv)

-- name: find_deux_lieux
-- Dosimeters of a person worn at two establishments at once: wear periods that share a day, passages that share a
-- minute (passage).
with worn as (
    select
        coalesce(a.person_id, d.worker_id) as person_id, d.establishment_id, d.sender_id, d.start_day, d.end_day
    from dose.passive as d
    left join identity.alias as a on d.worker_id = a.worker_id and a.until_load is null
    where
        d.until_load is null and d.state <> %(absent)s
        and d.end_day between %(first)s and %(last)s and d.year between %(year)s and %(last_year)s
),
several as (
    select person_id from worn
    group by person_id
    having min(establishment_id) <> max(establishment_id)
),
wear as (
    select distinct w.* from worn as w
    inner join several as s on w.person_id = s.person_id
),
pair as (
    select distinct
        o.person_id, o.establishment_id, t.establishment_id as other_establishment_id, o.sender_id,
        t.sender_id as other_sender_id,
        greatest(o.start_day, t.start_day) as first_day, least(o.end_day, t.end_day) as last_day
    from wear as o
    inner join wear as t
        on
            o.person_id = t.person_id and o.establishment_id < t.establishment_id
            and o.start_day <= t.end_day and t.start_day <= o.end_day
),
passage as (
    select
        coalesce(a.person_id, d.worker_id) as person_id, d.establishment_id, d.sender_id, d.start_minute, d.end_minute
    from dose.operational as d
    left join identity.alias as a on d.worker_id = a.worker_id and a.until_load is null
    where
        d.until_load is null and d.year between %(year)s and %(last_year)s
        and d.end_minute >= (%(first)s - date '1970-01-01') * 1440
        and d.end_minute < (%(last)s - date '1970-01-01' + 1) * 1440
),
at_several as (
    select person_id from passage
    group by person_id
    having min(establishment_id) <> max(establishment_id)
),
entered as (
    select p.* from passage as p
    inner join at_several as s on p.person_id = s.person_id
),
crossing as (
    select distinct
        o.person_id, o.establishment_id, t.establishment_id as other_establishment_id, o.sender_id,
        t.sender_id as other_sender_id,
        date '1970-01-01' + greatest(o.start_minute, t.start_minute) / 1440 as first_day,
        date '1970-01-01' + (least(o.end_minute, t.end_minute) - 1) / 1440 as last_day
    from entered as o
    inner join entered as t
        on
            o.person_id = t.person_id and o.establishment_id < t.establishment_id
            and o.start_minute < t.end_minute and t.start_minute < o.end_minute
)
insert into finding (
    person_id, establishment_id, other_establishment_id, sender_id, other_sender_id, first_day, last_day, passage
)
select p.*, false from pair as p
union all
select c.*, true from crossing as c

-- name: find_periode_manquante
-- Days between two wear periods of a person, establishment and quantity that no result speaks of, at least half as long
-- as the shorter of the two, while the attachment lasted. A result without value (ABS, PER, DET) speaks of its days.
with worn as (
    select
        coalesce(a.person_id, d.worker_id) as person_id, d.establishment_id, d.quantity, d.sender_id, d.start_day, d.end_day
    from dose.passive as d
    left join identity.alias as a on d.worker_id = a.worker_id and a.until_load is null
    where
        d.until_load is null
        and d.end_day between %(first)s and %(last)s and d.year between %(year)s and %(last_year)s
),
followed as (
    select
        w.*,
        max(w.end_day) over before_this as ended,
        min(w.end_day - w.start_day) over (
            partition by w.person_id, w.establishment_id, w.quantity
            order by w.start_day, w.end_day rows between 1 preceding and current row
        ) + 1 as length
    from worn as w
    window before_this as (
        partition by w.person_id, w.establishment_id, w.quantity
        order by w.start_day, w.end_day rows between unbounded preceding and 1 preceding
    )
)
insert into finding (person_id, establishment_id, sender_id, quantity, first_day, last_day)
select f.person_id, f.establishment_id, f.sender_id, f.quantity, f.ended + 1, f.start_day - 1
from followed as f
where
    f.start_day > f.ended + 1 and 2 * (f.start_day - f.ended - 1) >= f.length
    and exists (
        select 1
        from reference.attachment as t
        inner join reference.attachment_period as p on t.attachment_id = p.attachment_id and p.until_load is null
        inner join identity.person as n on t.worker_id = n.worker_id
        where
            n.person_id = f.person_id and t.establishment_id = f.establishment_id
            and p.start_day <= f.ended + 1 and (p.end_day is null or p.end_day >= f.start_day - 1)
    )

-- name: find_resultat_attendu
-- The wear period that follows the last known one of a person, establishment and quantity, as long as that one (whole
-- months where it was about that long), is over, and its result had its delay to come; the attachment lasted on. A
-- person of whom one period is known is taken to follow the sender's most frequent length. due_day: the last day on
-- which the result was not late.
with worn as (
    select
        coalesce(a.person_id, d.worker_id) as person_id, d.establishment_id, d.quantity, d.sender_id, d.start_day, d.end_day
    from dose.passive as d
    left join identity.alias as a on d.worker_id = a.worker_id and a.until_load is null
    where
        d.until_load is null
        and d.end_day between %(first)s and %(last)s and d.year between %(year)s and %(last_year)s
),
last_worn as (
    -- The last day, the length and the sender of the last result, in one number that sorts by them.
    select
        w.person_id, w.establishment_id, w.quantity, min(w.start_day) as began,
        max(
            ((w.end_day - date '1900-01-01')::bigint << 40)
            | (least(w.end_day - w.start_day + 1, 1023)::bigint << 30)
            | w.sender_id::bigint
        ) as mark
    from worn as w
    group by w.person_id, w.establishment_id, w.quantity
),
latest as (
    select
        l.person_id, l.establishment_id, l.quantity, l.began,
        date '1900-01-01' + (l.mark >> 40)::integer as ended,
        ((l.mark >> 30) & 1023)::integer as length,
        (l.mark & 1073741823)::integer as sender_id
    from last_worn as l
),
rhythm as (
    select l.sender_id, l.quantity, mode() within group (order by l.length) as length
    from latest as l
    where l.began < l.ended - l.length + 1
    group by l.sender_id, l.quantity
),
expected as (
    select
        l.person_id, l.establishment_id, l.sender_id, l.quantity, l.ended + 1 as first_day,
        case
            when x.length < 28 then l.ended + x.length
            else (l.ended + 1 + make_interval(months => round(x.length / 30.4375)::integer))::date - 1
        end as last_day
    from latest as l
    left join rhythm as r on l.sender_id = r.sender_id and l.quantity = r.quantity
    cross join lateral (
        select case when l.began < l.ended - l.length + 1 then l.length else coalesce(r.length, l.length) end as length
    ) as x
)
insert into finding (person_id, establishment_id, sender_id, quantity, first_day, last_day, due_day)
select e.person_id, e.establishment_id, e.sender_id, e.quantity, e.first_day, e.last_day, e.last_day + %(delay)s
from expected as e
where
    e.last_day + %(delay)s < %(today)s
    and exists (
        select 1
        from reference.attachment as t
        inner join reference.attachment_period as p on t.attachment_id = p.attachment_id and p.until_load is null
        inner join identity.person as n on t.worker_id = n.worker_id
        where
            n.person_id = e.person_id and t.establishment_id = e.establishment_id
            and p.start_day <= e.first_day and (p.end_day is null or p.end_day >= e.last_day)
    )

-- name: analyse
analyze finding

-- name: counted
-- How many findings fit the filters, and how many of these a remark explains.
select count(*), count(r.remark_id)
from (
    select f.*, md5(row_to_json(f)::text) as digest from finding as f
) as f
left join watch.remark as r on r.control = %(control)s and f.digest = r.finding and r.ended_at is null
where
    (%(establishment)s::integer is null or %(establishment)s in (f.establishment_id, f.other_establishment_id))
    and (%(sender)s::integer is null or %(sender)s in (f.sender_id, f.other_sender_id))

-- name: listed
-- One page of findings, the latest first.
with chosen as (
    select f.*, r.made_by, r.made_at, r.true_from, r.motive
    from (
        select g.*, md5(row_to_json(g)::text) as digest from finding as g
    ) as f
    left join watch.remark as r on r.control = %(control)s and f.digest = r.finding and r.ended_at is null
    where
        (%(establishment)s::integer is null or %(establishment)s in (f.establishment_id, f.other_establishment_id))
        and (%(sender)s::integer is null or %(sender)s in (f.sender_id, f.other_sender_id))
        and (%(seen)s or r.remark_id is null)
    order by f.last_day desc, f.usv desc nulls last, f.person_id, f.digest
    limit %(most)s offset %(skipped)s
)
select
    c.digest, c.person_id, i.sealed, t.siret, o.siret, p.code, q.code, c.quantity, c.first_day, c.last_day, c.usv,
    c.other_usv, c.due_day, c.passage, c.made_by, c.made_at, c.true_from, c.motive
from chosen as c
inner join reference.establishment as t on c.establishment_id = t.establishment_id
left join reference.establishment as o on c.other_establishment_id = o.establishment_id
left join ledger.partner as p on c.sender_id = p.partner_id
left join ledger.partner as q on c.other_sender_id = q.partner_id
left join lateral (
    select k.sealed from identity.identifier as k
    inner join identity.person as n on k.worker_id = n.worker_id
    where k.until_load is null and n.person_id = c.person_id
    order by (k.kind = 'NIR') desc, (k.worker_id = c.person_id) desc, k.since_load desc, k.fingerprint asc
    limit 1
) as i on true
order by c.last_day desc, c.usv desc nulls last, c.person_id, c.digest

-- name: found
select exists (select 1 from finding as f where md5(row_to_json(f)::text) = %s)

-- name: establishment
select establishment_id from reference.establishment where siret = %s

-- name: sender
select partner_id from ledger.partner where code = %s

-- name: remark
insert into watch.remark (control, finding, motive, true_from, made_by) values (%s, %s, %s, %s, %s)
on conflict (control, finding) where ended_at is null do nothing

-- name: end_remark
update watch.remark set ended_by = %s, ended_at = clock_timestamp()
where control = %s and finding = %s and ended_at is null
