-- name: watermark
select coalesce(max(load_id), 0) from exposure.detection

-- name: news
select exists (select 1 from ledger.load where load_id > %s and kind not in ('exceedances', 'notices'))

-- name: at_hand_table
-- Whose exceedances are reckoned now: every number of every person at hand; with the civil years that can have brought
-- a new one, where not all can (whole).
create temp table if not exists at_hand (
    worker_id integer primary key,
    person_id integer not null,
    whole boolean not null default true,
    first_year smallint not null default 0,
    last_year smallint not null default 0
) on commit delete rows;
truncate at_hand;

-- name: at_hand_touched
-- Persons with a measure that began or ceased to hold after a load, that were merged or parted, or whose day of birth
-- was mended; and those with an exceedance just found, where the day of the legacy migration was set or mended.
-- A physician's version that comes or goes also touches whoever the body's measure is of by now: the body may have
-- moved it (dose.passive_set_aside). "offset 0" keeps that a look-up by key, whatever share the planner expects.
-- A measure can change windows that end at most a year later, made of the year before that: the years around its own;
-- more where sums over several years are judged, all where a belt may have tied other dosimeters together.
with physicians as (
    select measure_id, year from dose.passive where since_load > %(mark)s and strpos(measure_id, '/') > 0
    union
    select measure_id, year from dose.passive where until_load > %(mark)s and strpos(measure_id, '/') > 0
),
touched as (
    select worker_id, year, location = %(belt)s as belt from dose.passive where since_load > %(mark)s
    union
    select worker_id, year, location = %(belt)s from dose.passive where until_load > %(mark)s
    union
    select b.worker_id, b.year, b.location = %(belt)s
    from physicians as m
    inner join ledger.partner as o on split_part(m.measure_id, '/', 1) = o.code and o.role = 'OA'
    cross join lateral (
        select d.worker_id, d.year, d.location from dose.passive as d
        where
            d.sender_id = o.partner_id and d.measure_id = substr(m.measure_id, strpos(m.measure_id, '/') + 1)
            and d.year between m.year - 1 and m.year + 1 and d.until_load is null
        offset 0
    ) as b
    union
    select worker_id, year, false from dose.committed where since_load > %(mark)s
    union
    select worker_id, year, false from dose.committed where until_load > %(mark)s
    union
    select worker_id, year, false from dose.aircrew where since_load > %(mark)s
    union
    select worker_id, year, false from dose.aircrew where until_load > %(mark)s
    union
    select unnest(array[worker_id, person_id]), null, false from identity.alias
    where since_load > %(mark)s or until_load > %(mark)s
    union
    select c.worker_id, null, false
    from identity.civil as c
    inner join identity.civil as o on c.worker_id = o.worker_id and c.since_load = o.until_load
    where c.since_load > %(mark)s and c.birth_day <> o.birth_day
    union
    select r.worker_id, null, false
    from exposure.reckoning as r
    inner join exposure.state as s on r.exceedance_id = s.exceedance_id and s.until_load is null
    where
        r.until_load is null and s.state in ('DETECTE', 'REPRISE')
        and exists (select 1 from exposure.legacy as y where y.since_load > %(mark)s or y.until_load > %(mark)s)
),
around as (
    select
        coalesce(a.person_id, t.worker_id) as person_id,
        bool_or(t.year is null or t.belt) as whole,
        coalesce(min(t.year) - 1, 0) as first_year,
        coalesce(max(t.year) + 1, 0) as last_year
    from touched as t
    left join identity.alias as a on t.worker_id = a.worker_id and a.until_load is null
    group by coalesce(a.person_id, t.worker_id)
),
persons as (
    select
        a.person_id,
        a.whole,
        case when c.meets then least(a.first_year, %(cumulated_first)s) else a.first_year end as first_year,
        case when c.meets then greatest(a.last_year, %(cumulated_last)s) else a.last_year end as last_year
    from around as a
    cross join lateral (
        select a.first_year <= %(cumulated_last)s and a.last_year >= %(cumulated_first)s as meets
    ) as c
)
insert into at_hand (worker_id, person_id, whole, first_year, last_year)
select person_id, person_id, whole, first_year, last_year from persons
union all
select a.worker_id, a.person_id, p.whole, p.first_year, p.last_year
from identity.alias as a
inner join persons as p on a.person_id = p.person_id
where a.until_load is null

-- name: at_hand_range
insert into at_hand (worker_id, person_id)
select worker_id, person_id from identity.person where person_id between %s and %s

-- name: at_hand_named
insert into at_hand (worker_id, person_id)
select worker_id, person_id from identity.person where person_id = any(%s)

-- name: persons_at_hand
select distinct person_id from at_hand order by person_id

-- name: without
delete from at_hand where person_id = any(%s)

-- name: years_at_hand
-- How much is to be summed: whether of all years, from which year to which.
select whole, case when whole then -32768 else min(first_year) end, case when whole then 32767 else max(last_year) end
from at_hand
group by whole

-- name: room
-- Sums by person and year want to be made in memory.
set local work_mem = '128MB'

-- name: dismiss
-- Who cannot exceed anything and has no exceedance that stood: every window of twelve months lies within two civil
-- years, and no two that follow each other hold more than the lowest limit, that of minors where the second year can
-- have begun before the 18th birthday. Sums are as of all current results, too high rather than too low. Where only
-- some years are looked at, whoever wears a belt stays: one change can regroup dosimeters of many years. Those of whom
-- all years are looked at are asked about apart: the years of the others leave most partitions unread.
with yearly as (
    select
        h.person_id,
        d.year,
        sum(d.value_usv) filter (where d.quantity = any(%(effective)s)) as effective_usv,
        sum(d.value_usv) filter (where d.quantity = any(%(lens)s)) as lens_usv,
        sum(d.value_usv) filter (where d.quantity = any(%(skin)s)) as skin_usv,
        bool_or(d.location = %(belt)s and not h.whole) as regroups
    from at_hand as h
    inner join dose.passive as d on h.worker_id = d.worker_id and (h.whole or d.year between h.first_year and h.last_year)
    where h.whole = %(whole)s and d.until_load is null and d.year between %(first_year)s and %(last_year)s
    group by h.person_id, d.year
    union all
    select h.person_id, d.year, sum(d.value_usv), 0, 0, false
    from at_hand as h
    inner join dose.committed as d
        on h.worker_id = d.worker_id and (h.whole or d.year between h.first_year and h.last_year)
    where h.whole = %(whole)s and d.until_load is null and d.year between %(first_year)s and %(last_year)s
    group by h.person_id, d.year
    union all
    select h.person_id, d.year, sum(d.value_usv), 0, 0, false
    from at_hand as h
    inner join dose.aircrew as d
        on h.worker_id = d.worker_id and (h.whole or d.year between h.first_year and h.last_year)
    where h.whole = %(whole)s and d.until_load is null and d.year between %(first_year)s and %(last_year)s
    group by h.person_id, d.year
),
two_years as (
    select
        y.person_id,
        y.year,
        sum(y.effective_usv) over both_years as effective_usv,
        sum(y.lens_usv) over both_years as lens_usv,
        sum(y.skin_usv) over both_years as skin_usv,
        y.regroups
    from yearly as y
    window both_years as (partition by y.person_id order by y.year range between 1 preceding and current row)
),
above as (
    select t.*
    from two_years as t
    where
        t.regroups
        or t.effective_usv > %(effective_minors_usv)s
        or t.lens_usv > %(lens_minors_usv)s
        or t.skin_usv > %(skin_minors_usv)s
),
high as (
    select t.person_id
    from above as t
    left join identity.civil as c on t.person_id = c.worker_id and c.until_load is null
    where
        t.regroups
        or t.year <= extract(year from c.birth_day) + 18
        or t.effective_usv > %(effective_usv)s
        or t.lens_usv > %(lens_usv)s
        or t.skin_usv > %(skin_usv)s
)
delete from at_hand as a
where
    a.whole = %(whole)s
    and a.person_id not in (select h.person_id from high as h)
    and a.person_id not in (
        select o.person_id
        from at_hand as o
        inner join (
            select x.worker_id from exposure.exceedance as x
            union
            select y.worker_id from exposure.reckoning as y
        ) as k on o.worker_id = k.worker_id
    )

-- name: last_worker
select coalesce(max(worker_id), 0) from identity.worker

-- name: results
-- The results that hold, of the persons at hand, each with the line that brought it: a body's result that a physician's
-- stands in for is none, and what has no value (ABS, PER, DET) is none. Kinds beyond the quantities of PASSIVE are
-- committed and aircrew doses.
select
    h.person_id,
    d.establishment_id,
    d.quantity,
    d.location,
    d.start_day,
    d.end_day,
    case when d.state = %(below)s then 0 else coalesce(d.value_usv, 0) end,
    d.sender_id,
    d.submission_id,
    d.line
from at_hand as h
inner join dose.passive as d on h.worker_id = d.worker_id
where
    h.person_id between %(first)s and %(last)s and d.until_load is null and d.state = any(%(states)s)
    and not exists (
        select 1 from dose.passive_set_aside as k
        where k.sender_id = d.sender_id and k.measure_id = d.measure_id and k.year = d.year
    )
union all
select
    h.person_id, d.establishment_id, %(committed)s::smallint, -1::smallint, d.end_day, d.end_day, d.value_usv,
    d.sender_id, d.submission_id, d.line
from at_hand as h
inner join dose.committed as d on h.worker_id = d.worker_id
where h.person_id between %(first)s and %(last)s and d.until_load is null
union all
select
    h.person_id, d.establishment_id, %(aircrew)s::smallint, -1::smallint, date_trunc('month', d.end_day)::date,
    d.end_day, d.value_usv, d.sender_id, d.submission_id, d.line
from at_hand as h
inner join dose.aircrew as d on h.worker_id = d.worker_id
where h.person_id between %(first)s and %(last)s and d.until_load is null

-- name: births
select h.person_id, c.birth_day
from at_hand as h
inner join identity.civil as c on h.person_id = c.worker_id and c.until_load is null
where h.worker_id = h.person_id

-- name: standing
-- What was reckoned last of the exceedances of the persons at hand. One that lapsed may also be met again by whom it
-- was once found for.
select
    e.exceedance_id, n.person_id, o.person_id, e.limit_code, e.place, r.worker_id, r.first_day, r.last_day,
    r.window_start, r.window_end, r.value_usv, r.establishment_id, r.until_load is null, s.state,
    coalesce(c.standing_usv, 0)
from exposure.exceedance as e
inner join lateral (
    select k.* from exposure.reckoning as k
    where k.exceedance_id = e.exceedance_id
    order by k.since_load desc
    limit 1
) as r on true
inner join exposure.state as s on e.exceedance_id = s.exceedance_id and s.until_load is null
left join exposure.conclusion as c on e.exceedance_id = c.exceedance_id and c.until_load is null
left join at_hand as n on r.worker_id = n.worker_id
left join at_hand as o on e.worker_id = o.worker_id
where
    e.exceedance_id in (
        select x.exceedance_id from at_hand as h inner join exposure.exceedance as x on h.worker_id = x.worker_id
        union
        select x.exceedance_id from at_hand as h inner join exposure.reckoning as x on h.worker_id = x.worker_id
    )
    and (n.person_id is not null or (o.person_id is not null and r.until_load is not null))
order by e.exceedance_id

-- name: open
insert into exposure.exceedance (worker_id, limit_code, place, since_load) values (%s, %s, %s, %s)
returning exceedance_id

-- name: close_reckonings
update exposure.reckoning set until_load = %s where exceedance_id = any(%s) and until_load is null

-- name: reckon
insert into exposure.reckoning (
    exceedance_id, worker_id, establishment_id, value_usv, first_day, last_day, window_start, window_end, since_load
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)

-- name: close_states
update exposure.state set until_load = %s where exceedance_id = any(%s) and until_load is null

-- name: close_conclusions
update exposure.conclusion set until_load = %s where exceedance_id = any(%s) and until_load is null

-- name: enter_state
insert into exposure.state (exceedance_id, state, valid_from, since_load) values (%s, %s, %s, %s)

-- name: detected
insert into exposure.detection (load_id, persons, opened, changed, lapsed) values (%s, %s, %s, %s, %s)

-- name: load_as_of
select ledger.as_of(least(%s::timestamptz, clock_timestamp()))

-- name: listed
-- Exceedances as the registry held them once a load was sealed; those of a person under any number that was theirs.
select
    e.exceedance_id, e.limit_code, e.place, r.window_start, r.window_end, r.value_usv, s.state, s.valid_from, i.sealed,
    t.siret, r.first_day, r.last_day, n.person_id, w.reason
from exposure.exceedance as e
inner join lateral (
    select k.* from exposure.reckoning as k
    where k.exceedance_id = e.exceedance_id and k.since_load <= %(load)s
    order by k.since_load desc
    limit 1
) as r on true
inner join exposure.state as s
    on
        e.exceedance_id = s.exceedance_id
        and s.since_load <= %(load)s and (s.until_load is null or s.until_load > %(load)s)
inner join reference.establishment as t on r.establishment_id = t.establishment_id
inner join lateral (
    select
        coalesce((
            select a.person_id from identity.alias as a
            where
                a.worker_id = r.worker_id
                and a.since_load <= %(load)s and (a.until_load is null or a.until_load > %(load)s)
        ), r.worker_id) as person_id
) as n on true
inner join lateral (
    select o.sealed from identity.identifier as o
    where
        o.since_load <= %(load)s and (o.until_load is null or o.until_load > %(load)s)
        and o.worker_id = any(
            array(
                select n.person_id
                union all
                select m.worker_id from identity.alias as m
                where
                    m.person_id = n.person_id
                    and m.since_load <= %(load)s and (m.until_load is null or m.until_load > %(load)s)
            )
        )
    order by (o.kind = 'NIR') desc, (o.worker_id = n.person_id) desc, o.since_load desc, o.fingerprint asc
    limit 1
) as i on true
left join exposure.without_physician as w
    on
        e.exceedance_id = w.exceedance_id
        and w.since_load <= %(load)s and (w.until_load is null or w.until_load > %(load)s)
where
    (%(one)s::integer is null or e.exceedance_id = %(one)s)
    and (%(states)s::text[] is null or s.state = any(%(states)s))
order by e.exceedance_id

-- name: notices
-- Who was told what of an exceedance, and when.
select t.state, p.code, t.audience, t.revision, t.told_at
from exposure.notice as t
inner join ledger.partner as p on t.partner_id = p.partner_id
where t.exceedance_id = %(one)s and t.since_load <= %(load)s
order by t.notice_id

-- name: reckonings
select
    r.window_start, r.window_end, r.value_usv, r.first_day, r.last_day, t.siret, b.recorded_at,
    case when r.until_load <= %(load)s then u.recorded_at end
from exposure.reckoning as r
inner join reference.establishment as t on r.establishment_id = t.establishment_id
inner join ledger.load as b on r.since_load = b.load_id
left join ledger.load as u on r.until_load = u.load_id
where r.exceedance_id = %(one)s and r.since_load <= %(load)s
order by r.since_load

-- name: states
select s.state, s.valid_from, b.recorded_at, case when s.until_load <= %(load)s then u.recorded_at end
from exposure.state as s
inner join ledger.load as b on s.since_load = b.load_id
left join ledger.load as u on s.until_load = u.load_id
where s.exceedance_id = %(one)s and s.since_load <= %(load)s
order by s.since_load

-- name: conclusions
select
    c.conclusion, c.value_usv, c.concluded_on, c.physician, c.remark, c.submission_id, c.line, b.recorded_at,
    case when c.until_load <= %(load)s then u.recorded_at end
from exposure.conclusion as c
inner join ledger.load as b on c.since_load = b.load_id
left join ledger.load as u on c.until_load = u.load_id
where c.exceedance_id = %(one)s and c.since_load <= %(load)s
order by c.since_load

-- name: senders
select partner_id, code from ledger.partner where partner_id = any(%s)

-- name: legacy_day
select day from exposure.legacy where until_load is null

-- name: close_legacy
update exposure.legacy set until_load = %s where until_load is null

-- name: note_legacy
insert into exposure.legacy (day, since_load) values (%s, %s)

-- name: overdue
-- Notified before this day, and no conclusion since.
select exceedance_id from exposure.state where until_load is null and state = 'NOTIFIE' and valid_from < %s
order by exceedance_id

-- name: of_authority
-- What the reading profile, an authority's, was told.
select
    exceedance_id, limit_code, place, state, state_since, window_start, window_end, siret, municipality, domain, sector,
    trade, value_usv
from access.notified_exceedance
order by exceedance_id
