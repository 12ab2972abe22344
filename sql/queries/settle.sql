-- name: passive_range
select exists (
    select 1 from dose.passive
    where sender_id = %s and measure_id between %s and %s and year between %s and %s and until_load is null
)

-- name: passive_current
select
    k.place - 1, d.year, d.submission_id, d.line, d.worker_id, d.establishment_id,
    d.quantity, d.location, d.dosimeter, d.start_day - date '1970-01-01', d.end_day - date '1970-01-01',
    d.state, d.value_usv, d.threshold_usv
from unnest(%s::text[]) with ordinality as k (measure_id, place)
inner join dose.passive as d on k.measure_id = d.measure_id
where d.sender_id = %s and d.year between %s and %s and d.until_load is null

-- name: passive_annulled
select distinct on (k.place)
    k.place - 1, d.year, d.worker_id, d.establishment_id, d.until_submission_id
from unnest(%s::text[]) with ordinality as k (measure_id, place)
inner join dose.passive as d on k.measure_id = d.measure_id
where d.sender_id = %s and d.until_load is not null and d.until_code = 'A'
order by k.place asc, d.until_load desc, d.until_line desc

-- name: passive_close
update dose.passive as d
set until_load = %s, until_submission_id = k.until_submission_id, until_line = k.until_line, until_code = k.code
from unnest(%s::integer[], %s::text[], %s::smallint[], %s::integer[], %s::integer[], %s::text[])
    as k (sender_id, measure_id, year, until_submission_id, until_line, code)
where d.sender_id = k.sender_id and d.measure_id = k.measure_id and d.year = k.year and d.until_load is null

-- name: operational_current
select
    k.place - 1, d.year, d.submission_id, d.line,
    d.dosimeter, d.value_usv, d.activity
from unnest(%s::integer[], %s::integer[], %s::bigint[], %s::smallint[]) with ordinality
    as k (worker_id, start_minute, key_digest, year, place)
inner join dose.operational as d
    on k.worker_id = d.worker_id and k.start_minute = d.start_minute and k.key_digest = d.key_digest
    and k.year = d.year
where d.until_load is null

-- name: operational_annulled
select distinct on (k.place)
    k.place - 1, d.year, d.worker_id, d.establishment_id, d.until_submission_id
from unnest(%s::integer[], %s::integer[], %s::bigint[], %s::smallint[]) with ordinality
    as k (worker_id, start_minute, key_digest, year, place)
inner join dose.operational as d
    on k.worker_id = d.worker_id and k.start_minute = d.start_minute and k.key_digest = d.key_digest
    and k.year = d.year
where d.until_load is not null and d.until_code = 'A'
order by k.place asc, d.until_load desc, d.until_line desc

-- name: operational_close
update dose.operational as d
set until_load = %s, until_submission_id = k.until_submission_id, until_line = k.until_line, until_code = k.code
from unnest(%s::integer[], %s::integer[], %s::bigint[], %s::smallint[], %s::integer[], %s::integer[], %s::text[])
    as k (worker_id, start_minute, key_digest, year, until_submission_id, until_line, code)
where
    d.worker_id = k.worker_id and d.start_minute = k.start_minute and d.key_digest = k.key_digest
    and d.year = k.year and d.until_load is null

-- name: waiting_references
select array_agg(distinct measure_ref) from queue.entry
where
    until_load is null and format = %s and (partner_id = %s or not %s)
    and measure_ref between %s and %s and entry_id <> all(%s)

-- name: waiting
select e.entry_id, e.submission_id, e.line, e.partner_id, e.measure_ref, e.codes, e.sealed, e.received_on
from queue.entry as e
where
    e.until_load is null and e.format = %s and (e.partner_id = %s or not %s)
    and e.measure_ref = any(%s) and e.entry_id <> all(%s)
order by e.entry_id
