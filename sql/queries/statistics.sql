-- name: instant
-- The hour of the last load among those numbered up to this one; none before the first.
select max(recorded_at) from ledger.load where load_id <= %s

-- name: as_of
select ledger.as_of(%s)

-- name: aliases
-- Numbers that stand for another person as of a load.
select worker_id, person_id from identity.alias
where since_load <= %(load)s and (until_load is null or until_load > %(load)s)

-- name: numbers
-- Every number of the persons that some numbers stand for as of a load, with that person.
with alias as (
    select worker_id, person_id from identity.alias
    where since_load <= %(load)s and (until_load is null or until_load > %(load)s)
),

person as (
    select distinct coalesce(a.person_id, n.worker_id) as person_id
    from unnest(%(touched)s::integer[]) as n (worker_id)
    left join alias as a on n.worker_id = a.worker_id
)

select person_id, person_id from person
union all
select a.worker_id, a.person_id from alias as a inner join person as p on a.person_id = p.person_id

-- name: aside
-- Bodies' measures that a physician's version stands in for as of a load (dose.passive_set_aside, of any past load).
with correction as (
    select sender_id, measure_id, year
    from dose.passive
    where strpos(measure_id, '/') > 0 and until_load is null and since_load <= %(load)s
    union all
    select sender_id, measure_id, year
    from dose.passive
    where strpos(measure_id, '/') > 0 and until_load > %(load)s and since_load <= %(load)s
)
select distinct o.partner_id, substr(m.measure_id, strpos(m.measure_id, '/') + 1), m.year
from correction as m
inner join ledger.partner as p on m.sender_id = p.partner_id and p.role = 'MDT'
inner join ledger.partner as o on split_part(m.measure_id, '/', 1) = o.code and o.role = 'OA'

-- name: sums_passive
-- Sums of a year by number, establishment, kind and place; of some numbers, or of all where none are named. No
-- temporary table has a part in these queries: they would not be shared out among processes.
-- A result without a value (PER, DET) monitors all the same, an ABS does not. Chest and belt are summed here as they
-- stand; what the other place outdoes is taken off afterwards.
select
    d.worker_id,
    d.establishment_id,
    d.quantity,
    case when d.quantity = any(%(by_place)s) then d.location else -1::smallint end,
    count(*),
    count(*) filter (where d.state <> %(absent)s),
    coalesce(sum(d.value_usv) filter (where d.state = any(%(valued)s)), 0)::bigint
from dose.passive as d
where
    d.year = %(year)s and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
    and (%(workers)s::integer[] is null or d.worker_id = any(%(workers)s::integer[]))
    and (
        %(measures)s::text[] is null or d.measure_id <> all(%(measures)s::text[])
        or not exists (
            select 1
            from unnest(%(bodies)s::integer[], %(measures)s::text[], %(years)s::smallint[])
                as k (sender_id, measure_id, year)
            where
                k.sender_id = d.sender_id and k.measure_id = d.measure_id
                and d.year between k.year - 1 and k.year + 1
        )
    )
group by 1, 2, 3, 4

-- name: sums_committed
select
    d.worker_id, d.establishment_id, %(committed)s::smallint, -1::smallint, count(*), count(*), sum(d.value_usv)::bigint
from dose.committed as d
where
    d.year = %(year)s and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
    and (%(workers)s::integer[] is null or d.worker_id = any(%(workers)s::integer[]))
group by d.worker_id, d.establishment_id

-- name: sums_aircrew
-- A month of flights below the floor counts 0 and monitors.
select
    d.worker_id, d.establishment_id, %(aircrew)s::smallint, -1::smallint, count(*), count(*),
    coalesce(sum(d.value_usv) filter (where d.value_usv >= %(floor)s), 0)::bigint
from dose.aircrew as d
where
    d.year = %(year)s and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
    and (%(workers)s::integer[] is null or d.worker_id = any(%(workers)s::integer[]))
group by d.worker_id, d.establishment_id

-- name: sums_operational
-- In two halves, so that few persons are found by the index of what is current.
select
    d.worker_id, d.establishment_id, (%(operational)s + d.quantity)::smallint, -1::smallint, count(*), count(*),
    sum(d.value_usv)::bigint
from (
    select d.worker_id, d.establishment_id, d.quantity, d.value_usv
    from dose.operational as d
    where
        d.year = %(year)s and d.since_load <= %(load)s and d.until_load is null
        and (%(workers)s::integer[] is null or d.worker_id = any(%(workers)s::integer[]))
    union all
    select d.worker_id, d.establishment_id, d.quantity, d.value_usv
    from dose.operational as d
    where
        d.year = %(year)s and d.since_load <= %(load)s and d.until_load > %(load)s
        and (%(workers)s::integer[] is null or d.worker_id = any(%(workers)s::integer[]))
) as d
group by d.worker_id, d.establishment_id, d.quantity

-- name: sums_internal
-- One examination may name several radionuclides, a row each: it counts once, is positive where one of them was
-- measured above zero, and is none where all are absent. usv holds the positive ones: an activity is no dose. By person
-- already: an examination's rows may bear several numbers of one.
select
    e.person_id, e.establishment_id, (%(internal)s + e.exam)::smallint, -1::smallint, sum(e.records)::bigint,
    count(*) filter (where e.done), count(*) filter (where e.positive)
from (
    select
        coalesce(a.person_id, d.worker_id) as person_id, d.establishment_id, d.exam, count(*) as records,
        bool_or(d.state <> %(no_exam)s) as done,
        bool_or(d.state = %(measured)s and d.activity_nbq > 0) as positive
    from dose.internal as d
    left join identity.alias as a
        on
            d.worker_id = a.worker_id and a.since_load <= %(load)s
            and (a.until_load is null or a.until_load > %(load)s)
    where
        d.year = %(year)s and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
        and (%(workers)s::integer[] is null or d.worker_id = any(%(workers)s::integer[]))
    group by
        1, d.establishment_id, d.exam, d.sender_id,
        left(d.measure_id, length(d.measure_id) - length(d.nuclide) - 1)
) as e
group by e.person_id, e.establishment_id, e.exam

-- name: belted
-- Numbers of those who wore a belt dosimeter in the year or beside it: a group of overlapping periods may reach over the
-- turn of a year.
select distinct d.worker_id
from dose.passive as d
where
    d.year between %(year)s - 1 and %(year)s + 1 and d.quantity = any(%(trunk)s) and d.location = %(belt)s
    and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
    and (%(workers)s::integer[] is null or d.worker_id = any(%(workers)s::integer[]))

-- name: trunk
-- Trunk results, of any year, of some numbers.
select
    d.worker_id, d.establishment_id, d.quantity, d.location, d.start_day, d.end_day,
    case when d.state = any(%(valued)s) then coalesce(d.value_usv, 0) else 0 end
from dose.passive as d
where
    d.worker_id = any(%(belted)s::integer[])
    and d.quantity = any(%(trunk)s) and d.location = any(%(places)s) and d.state = any(%(states)s)
    and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
    and (
        %(measures)s::text[] is null or d.measure_id <> all(%(measures)s::text[])
        or not exists (
            select 1
            from unnest(%(bodies)s::integer[], %(measures)s::text[], %(years)s::smallint[])
                as k (sender_id, measure_id, year)
            where
                k.sender_id = d.sender_id and k.measure_id = d.measure_id
                and d.year between k.year - 1 and k.year + 1
        )
    )

-- name: whole_joins
-- The planner takes a registry's joins for few rows, since a number may stand for another person; they are all of them.
-- And it prices what processes hand one another as if the sums were as many as the doses.
set local enable_nestloop = off;
set local parallel_tuple_cost = 0.01

-- name: few_joins
set local enable_nestloop to default;
set local parallel_tuple_cost to default

-- name: attachments
-- For each person and establishment ever attached, the attachment as of the load: the period in force on the last day of
-- the year, else the latest before, else the first after; and what holds on that day or on the period's last. Codes as
-- their numbers, -1 for none.
with period as (
    select distinct on (t.person_id, t.establishment_id)
        t.person_id, t.establishment_id, t.attachment_id, x.start_day,
        least(%(last_day)s::date, coalesce(x.end_day, %(last_day)s::date)) as judged_on
    from (
        select d.attachment_id, d.worker_id, d.establishment_id, coalesce(a.person_id, d.worker_id) as person_id
        from reference.attachment as d
        left join identity.alias as a
            on
                d.worker_id = a.worker_id and a.since_load <= %(load)s
                and (a.until_load is null or a.until_load > %(load)s)
        where (%(workers)s::integer[] is null or d.worker_id = any(%(workers)s::integer[]))
    ) as t
    inner join reference.attachment_period as x
        on
            t.attachment_id = x.attachment_id and x.since_load <= %(load)s
            and (x.until_load is null or x.until_load > %(load)s)
    order by
        t.person_id, t.establishment_id, (x.start_day > %(last_day)s::date), abs(x.start_day - %(last_day)s::date),
        (t.worker_id = t.person_id) desc, t.attachment_id desc
),

status as (
    select distinct on (w.attachment_id)
        w.attachment_id, s.class, s.character, s.domain, s.sector, s.trade
    from period as w
    inner join reference.attachment_status as s
        on
            w.attachment_id = s.attachment_id and s.since_load <= %(load)s
            and (s.until_load is null or s.until_load > %(load)s)
    order by w.attachment_id, (s.valid_from > w.judged_on), abs(s.valid_from - w.judged_on)
)

select
    w.person_id,
    w.establishment_id,
    w.start_day,
    i.siret::bigint,
    coalesce(c.number, -1::smallint),
    coalesce(k.number, -1::smallint),
    coalesce(d.number, -1::smallint),
    coalesce(r.number, -1::smallint),
    coalesce(m.number, -1::smallint)
from period as w
inner join reference.establishment as i on w.establishment_id = i.establishment_id
left join status as s on w.attachment_id = s.attachment_id
left join reference.code_list as c on c.list = 'TRAVAILLEURS.CLASSEMENT' and s.class = c.code
left join reference.code_list as k on k.list = 'TRAVAILLEURS.caractereActivite' and s.character = k.code
left join reference.code_list as d on d.list = 'domaine_activite' and s.domain = d.code
left join reference.code_list as r on r.list = 'secteur_activite' and s.sector = r.code
left join reference.code_list as m on m.list = 'metier' and s.trade = m.code

-- name: minors
-- Who is under age on the last day of the year.
select c.worker_id
from identity.civil as c
where
    c.birth_day > %(born_by)s::date and c.since_load <= %(load)s
    and (c.until_load is null or c.until_load > %(load)s)

-- name: exceedances
-- Exceedances whose window, as reckoned last as of the load, ends in the year: whom they concern, the limit, the state,
-- and whether the window still exceeds.
select
    coalesce(a.person_id, r.worker_id), e.limit_code, s.state, r.value_usv, r.held
from exposure.exceedance as e
inner join lateral (
    select
        k.worker_id, k.value_usv, k.window_end, k.until_load is null or k.until_load > %(load)s as held
    from exposure.reckoning as k
    where k.exceedance_id = e.exceedance_id and k.since_load <= %(load)s
    order by k.since_load desc
    limit 1
) as r on true
inner join exposure.state as s
    on
        e.exceedance_id = s.exceedance_id and s.since_load <= %(load)s
        and (s.until_load is null or s.until_load > %(load)s)
left join identity.alias as a
    on r.worker_id = a.worker_id and a.since_load <= %(load)s and (a.until_load is null or a.until_load > %(load)s)
where extract(year from r.window_end) = %(year)s

-- name: delivered
-- What the files of a year brought, by file and days from the end of the period to the reception: measures, and among
-- them PASSIVE results that are absent (ABS). Replaced measures count; what an undone decision brought, or gave its
-- force back, is no measure more.
with measured as (
    select
        d.submission_id, d.since_load, d.until_load, d.until_code, d.end_day,
        count(*) as measures, count(*) filter (where d.state = %(absent)s) as absent
    from dose.passive as d
    where d.submission_id between %(first)s and %(last)s and d.since_load <= %(load)s
    group by d.submission_id, d.since_load, d.until_load, d.until_code, d.end_day
    union all
    select
        d.submission_id, d.since_load, d.until_load, d.until_code,
        (timestamp '1970-01-01' + (d.end_minute / 1440) * interval '1 day')::date,
        count(*), 0
    from dose.operational as d
    where d.submission_id between %(first)s and %(last)s and d.since_load <= %(load)s
    group by d.submission_id, d.since_load, d.until_load, d.until_code, d.end_minute / 1440
    union all
    select d.submission_id, d.since_load, d.until_load, d.until_code, d.end_day, count(*), 0
    from dose.internal as d
    where d.submission_id between %(first)s and %(last)s and d.since_load <= %(load)s
    group by d.submission_id, d.since_load, d.until_load, d.until_code, d.end_day
    union all
    select d.submission_id, d.since_load, d.until_load, d.until_code, d.end_day, count(*), 0
    from dose.aircrew as d
    where d.submission_id between %(first)s and %(last)s and d.since_load <= %(load)s
    group by d.submission_id, d.since_load, d.until_load, d.until_code, d.end_day
)

select
    m.submission_id, s.partner_id, greatest(0, s.registry_date - m.end_day), sum(m.measures)::bigint,
    sum(m.absent)::bigint
from measured as m
inner join ledger.submission as s on m.submission_id = s.submission_id
where
    s.registry_date >= %(since)s and s.registry_date < %(until)s
    and (%(files)s::integer[] is null or m.submission_id = any(%(files)s::integer[]))
    and not (m.until_load is not null and m.until_load <= %(load)s and m.until_code is not distinct from 'U')
    and not exists (select 1 from ledger.load as l where l.load_id = m.since_load and l.kind = 'undo')
group by 1, 2, 3

-- name: partners
select partner_id, code, role from ledger.partner where partner_id = any(%s) order by code

-- name: establishment
select establishment_id from reference.establishment where siret = %s

-- name: hand_over
-- The database holds each figure against the doses and takes none about few.
insert into mart.comparison (
    report, sheet, code, own, column_name, place, label, establishment_id, year, load_id, list, workers, figure
)
select
    %(report)s, f.sheet, f.code, f.own, f.column_name, f.place, f.label, %(establishment)s, f.year, %(load)s, f.list,
    f.workers, f.figure
from unnest(
    %(sheet)s::text[], %(code)s::text[], %(own)s::boolean[], %(column)s::text[], %(place)s::integer[],
    %(label)s::text[], %(year)s::smallint[], %(list)s::text[], %(workers)s::integer[], %(figure)s::text[]
) as f (sheet, code, own, column_name, place, label, year, list, workers, figure)

-- name: handed_over
select sheet, code, label, own, column_name, figure
from mart.comparison
where report = %s
order by sheet, place

-- name: forget_report
-- This one, and those that a killed process left behind.
delete from mart.comparison where report = %s or made_at < clock_timestamp() - interval '1 hour'
