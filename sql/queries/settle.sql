-- name: keyed_range
-- Below, dose.keyed stands for the table of a format whose sender identifies its measures.
select exists (
    select 1 from dose.keyed
    where sender_id = %s and measure_id between %s and %s and year between %s and %s and until_load is null
)

-- name: keyed_current
select
    k.place - 1, d.year, d.submission_id, d.line, coalesce(m.person_id, d.worker_id), d.establishment_id
    /* columns */
from unnest(%s::text[]) with ordinality as k (measure_id, place)
inner join dose.keyed as d on k.measure_id = d.measure_id
left join identity.alias as m on d.worker_id = m.worker_id and m.until_load is null
where d.sender_id = %s and d.year between %s and %s and d.until_load is null

-- name: keyed_any_adjusted
select exists (
    select 1 from dose.keyed as d where d.sender_id = %s and d.until_load is null and d.adjusts is not null
)

-- name: keyed_adjusted
-- Of these measures, those that a physician's conclusion adjusted: year and lineage of the adjusting version, then the
-- measure as its sender last gave it.
select
    k.place - 1, c.year, c.submission_id, c.line,
    d.submission_id, d.line, coalesce(m.person_id, d.worker_id), d.establishment_id
    /* columns */
from unnest(%s::text[]) with ordinality as k (measure_id, place)
inner join dose.keyed as c on k.measure_id = c.measure_id
inner join lateral (
    select o.* from dose.keyed as o
    where
        o.sender_id = c.sender_id and o.measure_id = c.measure_id and o.year between c.year - 1 and c.year + 1
        and o.until_code = 'M' and o.adjusts is null
    order by o.until_load desc, o.since_load desc, o.submission_id desc, o.line desc
    limit 1
) as d on true
left join identity.alias as m on d.worker_id = m.worker_id and m.until_load is null
where c.sender_id = %s and c.year between %s and %s and c.until_load is null and c.adjusts is not null

-- name: keyed_annulled
select distinct on (k.place)
    k.place - 1, d.year, coalesce(m.person_id, d.worker_id), d.establishment_id, d.until_submission_id
from unnest(%s::text[]) with ordinality as k (measure_id, place)
inner join dose.keyed as d on k.measure_id = d.measure_id
left join identity.alias as m on d.worker_id = m.worker_id and m.until_load is null
where d.sender_id = %s and d.until_load is not null and d.until_code = 'A'
order by k.place asc, d.until_load desc, d.until_line desc

-- name: keyed_close
update dose.keyed as d
set until_load = %s, until_submission_id = k.until_submission_id, until_line = k.until_line, until_code = k.code
from unnest(%s::integer[], %s::text[], %s::smallint[], %s::integer[], %s::integer[], %s::text[])
    as k (sender_id, measure_id, year, until_submission_id, until_line, code)
where d.sender_id = k.sender_id and d.measure_id = k.measure_id and d.year = k.year and d.until_load is null

-- name: keyed_elsewhere
-- Measures of bodies that a physician's rows name, of days on which their establishment designated the physician.
select k.place, d.year, coalesce(m.person_id, d.worker_id), d.establishment_id
from unnest(%s::integer[], %s::text[], %s::text[]) as k (place, code, measure_id)
inner join ledger.partner as p on k.code = p.code and p.role = 'OA'
inner join dose.keyed as d on p.partner_id = d.sender_id and k.measure_id = d.measure_id and d.until_load is null
left join identity.alias as m on d.worker_id = m.worker_id and m.until_load is null
where exists (
    select 1 from reference.designation as g
    where
        g.establishment_id = d.establishment_id and g.role in ('MDT', 'PST') and g.identifiant = %s
        and g.until_load is null
        and d.end_day between g.start_day and coalesce(g.end_day, date '9999-12-31')
)

-- name: keyed_any_corrected
-- Whether a physician has ever named a measure of this body.
select exists (
    select 1
    from ledger.partner as p
    inner join dose.keyed as d on p.partner_id = d.sender_id and d.until_load is null
    where p.role = 'MDT' and d.measure_id >= %s and d.measure_id < %s
)

-- name: keyed_corrected
-- Of the named measures, those that a physician of another account has corrected.
select k.place, d.year
from unnest(%s::integer[], %s::text[]) as k (place, measure_id)
inner join ledger.partner as p on p.role = 'MDT' and p.partner_id <> %s
inner join dose.keyed as d on p.partner_id = d.sender_id and k.measure_id = d.measure_id and d.until_load is null

-- name: operational_current
select
    k.place - 1, d.year, d.submission_id, d.line, d.worker_id,
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
