-- name: instant
-- The hour of the last load among those numbered up to this one; none before the first.
select max(recorded_at) from ledger.load where load_id <= %s

-- name: as_of
select ledger.as_of(%s)

-- name: facts_table
-- What one civil year holds: sums by person, establishment, kind of result and place. kind is the position of
-- TYPE_MESURE in PASSIVE, then committed, aircrew, operational (by quantity) and internal (by examination).
create temp table annual_facts (
    person_id integer not null,
    establishment_id integer not null,
    kind smallint not null,
    place smallint not null,
    records bigint not null,
    results bigint not null,
    usv bigint not null
) on commit drop

-- name: whom_table
-- Every number of the persons that are summed, with the person that it stands for as of the load.
create temp table annual_whom (
    worker_id integer primary key,
    person_id integer not null
) on commit drop

-- name: aside_table
-- Bodies' measures that a physician's version stands in for as of the load (dose.passive_set_aside, of any past load).
create temp table annual_aside (
    sender_id integer not null,
    measure_id text collate "C" not null,
    year smallint not null
) on commit drop

-- name: whom_all
insert into annual_whom (worker_id, person_id)
select w.worker_id, coalesce(a.person_id, w.worker_id)
from identity.worker as w
left join identity.alias as a
    on
        w.worker_id = a.worker_id and a.since_load <= %(load)s
        and (a.until_load is null or a.until_load > %(load)s)

-- name: whom_named
with alias as (
    select worker_id, person_id from identity.alias
    where since_load <= %(load)s and (until_load is null or until_load > %(load)s)
),

person as (
    select distinct coalesce(a.person_id, n.worker_id) as person_id
    from unnest(%(workers)s::integer[]) as n (worker_id)
    left join alias as a on n.worker_id = a.worker_id
)

insert into annual_whom (worker_id, person_id)
select person_id, person_id from person
union all
select a.worker_id, a.person_id from alias as a inner join person as p on a.person_id = p.person_id

-- name: touched
-- Numbers whose sums of a year may have changed since a load. A PASSIVE result of any year counts: groups of chest and
-- belt reach from one year into the next. A physician's version that comes or goes touches whoever the body's measure
-- is of by now; "offset 0" keeps that a look-up by key.
with physicians as (
    select measure_id, year from dose.passive where since_load > %(mark)s and strpos(measure_id, '/') > 0
    union
    select measure_id, year from dose.passive where until_load > %(mark)s and strpos(measure_id, '/') > 0
)

select worker_id from dose.passive where since_load > %(mark)s
union
select worker_id from dose.passive where until_load > %(mark)s
union
select b.worker_id
from physicians as m
inner join ledger.partner as o on split_part(m.measure_id, '/', 1) = o.code and o.role = 'OA'
cross join lateral (
    select d.worker_id from dose.passive as d
    where
        d.sender_id = o.partner_id and d.measure_id = substr(m.measure_id, strpos(m.measure_id, '/') + 1)
        and d.year between m.year - 1 and m.year + 1 and d.until_load is null
    offset 0
) as b
union
select worker_id from dose.committed where year = %(year)s and since_load > %(mark)s
union
select worker_id from dose.committed where year = %(year)s and until_load > %(mark)s
union
select worker_id from dose.aircrew where year = %(year)s and since_load > %(mark)s
union
select worker_id from dose.aircrew where year = %(year)s and until_load > %(mark)s
union
select worker_id from dose.operational where year = %(year)s and since_load > %(mark)s
union
select worker_id from dose.operational where year = %(year)s and until_load > %(mark)s
union
select worker_id from dose.internal where year = %(year)s and since_load > %(mark)s
union
select worker_id from dose.internal where year = %(year)s and until_load > %(mark)s
union
select unnest(array[worker_id, person_id]) from identity.alias
where since_load > %(mark)s or until_load > %(mark)s

-- name: touched_files
-- Files of a year whose measures may have changed since a load.
with touched as (
    select submission_id from dose.passive where since_load > %(mark)s
    union
    select submission_id from dose.operational where since_load > %(mark)s
    union
    select submission_id from dose.internal where since_load > %(mark)s
    union
    select submission_id from dose.aircrew where since_load > %(mark)s
    union
    select submission_id from dose.passive where until_load > %(mark)s and until_code = 'U'
    union
    select submission_id from dose.operational where until_load > %(mark)s and until_code = 'U'
    union
    select submission_id from dose.internal where until_load > %(mark)s and until_code = 'U'
    union
    select submission_id from dose.aircrew where until_load > %(mark)s and until_code = 'U'
)

select t.submission_id
from touched as t
inner join ledger.submission as s on t.submission_id = s.submission_id
where s.registry_date >= %(since)s and s.registry_date < %(until)s
order by t.submission_id

-- name: held
select load_id from mart.year where year = %s

-- name: begin_year
select mart.begin_year(%s)

-- name: fill_year
select mart.fill_year(%s)

-- name: forget_persons
delete from mart.annual as m
where
    m.year = %(year)s
    and (m.person_id = any(%(workers)s) or m.person_id in (select w.person_id from annual_whom as w))

-- name: forget_files
delete from mart.delivered where year = %(year)s and submission_id = any(%(files)s)

-- name: keep_persons
insert into mart.annual (person_id, establishment_id, kind, place, records, results, usv, year)
select person_id, establishment_id, kind, place, records, results, usv, %(year)s from annual_facts

-- name: keep_files
insert into mart.delivered (submission_id, late, measures, absent, year)
select submission_id, late, measures, absent, %(year)s from annual_delivered

-- name: keep_year
insert into mart.year (year, load_id) values (%(year)s, %(load)s)
on conflict (year) do update set load_id = excluded.load_id

-- name: drop_facts
drop table annual_facts, annual_delivered

-- name: differing
-- Sums that are held and were not found again, or found and not held.
select count(*) from (
    (
        select person_id, establishment_id, kind, place, records, results, usv from mart.annual where year = %(year)s
        except all
        select person_id, establishment_id, kind, place, records, results, usv from annual_facts
    )
    union all
    (
        select person_id, establishment_id, kind, place, records, results, usv from annual_facts
        except all
        select person_id, establishment_id, kind, place, records, results, usv from mart.annual where year = %(year)s
    )
) as d

-- name: differing_files
select count(*) from (
    (
        select submission_id, late, measures, absent from mart.delivered where year = %(year)s
        except all
        select submission_id, late, measures, absent from annual_delivered
    )
    union all
    (
        select submission_id, late, measures, absent from annual_delivered
        except all
        select submission_id, late, measures, absent from mart.delivered where year = %(year)s
    )
) as d

-- name: years_held
select year, load_id from mart.year order by year

-- name: aside
with correction as (
    select sender_id, measure_id, year
    from dose.passive
    where strpos(measure_id, '/') > 0 and until_load is null and since_load <= %(load)s
    union all
    select sender_id, measure_id, year
    from dose.passive
    where strpos(measure_id, '/') > 0 and until_load > %(load)s and since_load <= %(load)s
)
insert into annual_aside (sender_id, measure_id, year)
select o.partner_id, substr(m.measure_id, strpos(m.measure_id, '/') + 1), m.year
from correction as m
inner join ledger.partner as p on m.sender_id = p.partner_id and p.role = 'MDT'
inner join ledger.partner as o on split_part(m.measure_id, '/', 1) = o.code and o.role = 'OA'

-- name: facts_passive
-- A result without a value (PER, DET) monitors all the same, an ABS does not. Chest and belt are summed here as they
-- stand; what the other place outdoes is taken off afterwards.
insert into annual_facts
select
    h.person_id,
    d.establishment_id,
    d.quantity,
    case when d.quantity = any(%(by_place)s) then d.location else -1 end,
    count(*),
    count(*) filter (where d.state <> %(absent)s),
    coalesce(sum(d.value_usv) filter (where d.state = any(%(valued)s)), 0)
from dose.passive as d
inner join annual_whom as h on d.worker_id = h.worker_id
where
    d.year = %(year)s and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
    and not exists (
        select 1 from annual_aside as k
        where
            k.sender_id = d.sender_id and k.measure_id = d.measure_id
            and d.year between k.year - 1 and k.year + 1
    )
group by 1, 2, 3, 4

-- name: facts_committed
insert into annual_facts
select h.person_id, d.establishment_id, %(committed)s, -1, count(*), count(*), sum(d.value_usv)
from dose.committed as d
inner join annual_whom as h on d.worker_id = h.worker_id
where d.year = %(year)s and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
group by h.person_id, d.establishment_id

-- name: facts_aircrew
-- A month of flights below the floor counts 0 and monitors.
insert into annual_facts
select
    h.person_id, d.establishment_id, %(aircrew)s, -1, count(*), count(*),
    coalesce(sum(d.value_usv) filter (where d.value_usv >= %(floor)s), 0)
from dose.aircrew as d
inner join annual_whom as h on d.worker_id = h.worker_id
where d.year = %(year)s and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
group by h.person_id, d.establishment_id

-- name: facts_operational
-- In two halves, so that few persons are found by the index of what is current.
insert into annual_facts
select h.person_id, d.establishment_id, %(operational)s + d.quantity, -1, count(*), count(*), sum(d.value_usv)
from (
    select worker_id, establishment_id, quantity, value_usv
    from dose.operational
    where year = %(year)s and since_load <= %(load)s and until_load is null
    union all
    select worker_id, establishment_id, quantity, value_usv
    from dose.operational
    where year = %(year)s and since_load <= %(load)s and until_load > %(load)s
) as d
inner join annual_whom as h on d.worker_id = h.worker_id
group by h.person_id, d.establishment_id, d.quantity

-- name: facts_internal
-- One examination may name several radionuclides, a row each: it counts once, is positive where one of them was
-- measured above zero, and is none where all are absent. usv holds the positive ones: an activity is no dose.
insert into annual_facts
select
    e.person_id, e.establishment_id, %(internal)s + e.exam, -1, sum(e.records),
    count(*) filter (where e.done), count(*) filter (where e.positive)
from (
    select
        h.person_id, d.establishment_id, d.exam, count(*) as records,
        bool_or(d.state <> %(no_exam)s) as done,
        bool_or(d.state = %(measured)s and d.activity_nbq > 0) as positive
    from dose.internal as d
    inner join annual_whom as h on d.worker_id = h.worker_id
    where d.year = %(year)s and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
    group by
        h.person_id, d.establishment_id, d.exam, d.sender_id,
        left(d.measure_id, length(d.measure_id) - length(d.nuclide) - 1)
) as e
group by e.person_id, e.establishment_id, e.exam

-- name: analyze
analyze annual_facts

-- name: analyze_whom
analyze annual_whom

-- name: belts
-- Trunk results, of any year, of the persons who wore a belt dosimeter in the year or beside it: a group of overlapping
-- periods may reach over the turn of a year.
with belted as (
    select distinct h.person_id
    from dose.passive as d
    inner join annual_whom as h on d.worker_id = h.worker_id
    where
        d.year between %(year)s - 1 and %(year)s + 1 and d.quantity = any(%(trunk)s) and d.location = %(belt)s
        and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
)
select
    h.person_id, d.establishment_id, d.quantity, d.location, d.start_day, d.end_day,
    case when d.state = any(%(valued)s) then coalesce(d.value_usv, 0) else 0 end
from belted as b
inner join annual_whom as h on b.person_id = h.person_id
inner join dose.passive as d on h.worker_id = d.worker_id
where
    d.quantity = any(%(trunk)s) and d.location = any(%(places)s) and d.state = any(%(states)s)
    and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
    and not exists (
        select 1 from annual_aside as k
        where
            k.sender_id = d.sender_id and k.measure_id = d.measure_id
            and d.year between k.year - 1 and k.year + 1
    )

-- name: facts
select person_id, establishment_id, kind, place, records, results, usv from annual_facts

-- name: whole_joins
-- The planner takes the pairs of a year for few, since a person's number may be another's; they are nearly everybody.
set local enable_nestloop = off

-- name: attachments
-- For each person and establishment with anything in the year, the attachment as of the load: the period in force on
-- the last day of the year, else the latest before, else the first after; and what holds on that day or on the
-- period's last. Codes as their numbers, -1 for none; sites in the order of their SIRET.
with pair as (
    select distinct person_id, establishment_id from annual_facts
),

owned as (
    select t.attachment_id, t.worker_id, t.establishment_id, coalesce(a.person_id, t.worker_id) as person_id
    from reference.attachment as t
    left join identity.alias as a
        on
            t.worker_id = a.worker_id and a.since_load <= %(load)s
            and (a.until_load is null or a.until_load > %(load)s)
),

period as (
    select distinct on (p.person_id, p.establishment_id)
        p.person_id, p.establishment_id, t.attachment_id, x.start_day,
        least(%(last_day)s::date, coalesce(x.end_day, %(last_day)s::date)) as judged_on
    from pair as p
    inner join owned as t on p.person_id = t.person_id and p.establishment_id = t.establishment_id
    inner join reference.attachment_period as x
        on
            t.attachment_id = x.attachment_id and x.since_load <= %(load)s
            and (x.until_load is null or x.until_load > %(load)s)
    order by
        p.person_id, p.establishment_id, (x.start_day > %(last_day)s::date), abs(x.start_day - %(last_day)s::date),
        (t.worker_id = p.person_id) desc, t.attachment_id desc
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
),

site as (
    select establishment_id, row_number() over (order by siret) as place from reference.establishment
)

select
    w.person_id,
    w.establishment_id,
    w.start_day,
    i.place,
    coalesce(c.number, -1::smallint),
    coalesce(k.number, -1::smallint),
    coalesce(d.number, -1::smallint),
    coalesce(r.number, -1::smallint),
    coalesce(m.number, -1::smallint)
from period as w
inner join site as i on w.establishment_id = i.establishment_id
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

-- name: delivered_table
create temp table annual_delivered (
    submission_id integer not null,
    late integer not null,
    measures bigint not null,
    absent bigint not null
) on commit drop

-- name: sum_delivered
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

insert into annual_delivered (submission_id, late, measures, absent)
select m.submission_id, greatest(0, s.registry_date - m.end_day), sum(m.measures), sum(m.absent)
from measured as m
inner join ledger.submission as s on m.submission_id = s.submission_id
where
    s.registry_date >= %(since)s and s.registry_date < %(until)s
    and (%(files)s::integer[] is null or m.submission_id = any(%(files)s::integer[]))
    and not (m.until_load is not null and m.until_load <= %(load)s and m.until_code is not distinct from 'U')
    and not exists (select 1 from ledger.load as l where l.load_id = m.since_load and l.kind = 'undo')
group by 1, 2

-- name: delivered
select s.partner_id, d.late, sum(d.measures)::bigint, sum(d.absent)::bigint
from annual_delivered as d
inner join ledger.submission as s on d.submission_id = s.submission_id
group by s.partner_id, d.late

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
