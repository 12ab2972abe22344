-- name: held
select load_id from mart.year where year = %s

-- name: held_years
select year from mart.year order by year

-- name: touched
-- Numbers whose sums of a year may have changed since a load, by format (a name of facts.FORMATS); whose attachments
-- (attachments); and numbers merged or parted (identities), of whom everything may have. A PASSIVE result of any year
-- counts: groups of chest and belt reach from one year into the next. A physician's version that comes or goes touches
-- whoever the body's measure is of by now; "offset 0" keeps that a look-up by key.
with physicians as (
    select measure_id, year from dose.passive where since_load > %(mark)s and strpos(measure_id, '/') > 0
    union
    select measure_id, year from dose.passive where until_load > %(mark)s and strpos(measure_id, '/') > 0
)

select 'passive', worker_id from dose.passive where since_load > %(mark)s
union
select 'passive', worker_id from dose.passive where until_load > %(mark)s
union
select 'passive', b.worker_id
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
select 'committed', worker_id from dose.committed where year = %(year)s and since_load > %(mark)s
union
select 'committed', worker_id from dose.committed where year = %(year)s and until_load > %(mark)s
union
select 'aircrew', worker_id from dose.aircrew where year = %(year)s and since_load > %(mark)s
union
select 'aircrew', worker_id from dose.aircrew where year = %(year)s and until_load > %(mark)s
union
select 'operational', worker_id from dose.operational where year = %(year)s and since_load > %(mark)s
union
select 'operational', worker_id from dose.operational where year = %(year)s and until_load > %(mark)s
union
select 'internal', worker_id from dose.internal where year = %(year)s and since_load > %(mark)s
union
select 'internal', worker_id from dose.internal where year = %(year)s and until_load > %(mark)s
union
select 'identities', unnest(array[worker_id, person_id]) from identity.alias
where since_load > %(mark)s or until_load > %(mark)s
union
select 'attachments', a.worker_id
from reference.attachment as a
inner join reference.attachment_period as p on a.attachment_id = p.attachment_id
where p.since_load > %(mark)s or p.until_load > %(mark)s
union
select 'attachments', a.worker_id
from reference.attachment as a
inner join reference.attachment_status as s on a.attachment_id = s.attachment_id
where s.since_load > %(mark)s or s.until_load > %(mark)s

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

-- name: keep_year
insert into mart.year (year, load_id) values (%(year)s, %(load)s)
on conflict (year) do update set load_id = excluded.load_id

-- name: segments
-- The newest first: what it holds of a person or a file replaces what older ones do.
select kind, gone, rows from mart.segment where year = %s order by number desc

-- name: next_segment
select coalesce(max(number), 0) + 1 from mart.segment where year = %s

-- name: forget_segments
delete from mart.segment where year = %(year)s and kind = any(%(kinds)s)

-- name: keep_segment
insert into mart.segment (year, number, kind, gone, rows) values (%s, %s, %s, %s, %s)
