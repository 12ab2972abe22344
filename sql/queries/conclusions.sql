-- name: cases
-- Exceedances that rows name: state, person, and the arithmetic as reckoned last.
select
    e.exceedance_id, e.limit_code, e.place, n.person_id, s.state, r.first_day, r.last_day,
    r.window_start, r.window_end, r.value_usv, r.establishment_id
from exposure.exceedance as e
inner join exposure.state as s on e.exceedance_id = s.exceedance_id and s.until_load is null
inner join lateral (
    select k.* from exposure.reckoning as k
    where k.exceedance_id = e.exceedance_id
    order by k.since_load desc
    limit 1
) as r on true
inner join identity.person as n on r.worker_id = n.worker_id
where e.exceedance_id = any(%s::integer[])

-- name: physicians
-- Who is designated as occupational physician, or by one, and when.
select establishment_id, identifiant, start_day, coalesce(end_day, date '9999-12-31')
from reference.designation
where establishment_id = any(%s::integer[]) and role in ('MDT', 'PST') and until_load is null

-- name: conclude
insert into exposure.conclusion (
    exceedance_id, conclusion, value_usv, standing_usv, concluded_on, physician, remark, submission_id, line, since_load
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- name: measure
-- The identifier of a result at hand that holds. Of results that a line brought alike, any will do, each once.
select d.measure_id
from dose.keyed as d
where
    d.worker_id in (select h.worker_id from at_hand as h) and d.until_load is null
    and d.end_day = %(day)s and d.year = %(year)s and d.sender_id = %(sender)s
    and d.submission_id = %(submission)s and d.line = %(line)s and d.value_usv = %(usv)s
    and d.measure_id <> all(%(done)s)
order by d.measure_id
limit 1

-- name: passive_measure
-- The same of a passive result: a conclusion's line may have brought several, of which a physician's own version may
-- set some aside.
select d.measure_id
from dose.passive as d
where
    d.worker_id in (select h.worker_id from at_hand as h) and d.until_load is null
    and d.end_day = %(day)s and d.year = %(year)s and d.sender_id = %(sender)s
    and d.submission_id = %(submission)s and d.line = %(line)s and d.measure_id <> all(%(done)s)
    and d.quantity = %(kind)s and d.location = %(place)s and d.establishment_id = %(establishment)s
    and d.start_day = %(start)s
    and case when d.state = %(below)s then 0 else coalesce(d.value_usv, 0) end = %(usv)s
    and not exists (
        select 1 from dose.passive_set_aside as k
        where k.sender_id = d.sender_id and k.measure_id = d.measure_id and k.year = d.year
    )
order by d.measure_id
limit 1

-- name: adjust
-- The result with another value, as a version that the conclusion's line brings in the place of the one that held.
with old as (
    update dose.keyed as d
    set until_load = %(load)s, until_submission_id = %(by_submission)s, until_line = %(by_line)s, until_code = 'M'
    where
        d.sender_id = %(sender)s and d.measure_id = %(measure)s and d.year = %(year)s and d.until_load is null
    returning d.*
)
insert into dose.keyed
select (jsonb_populate_record(null::dose.keyed, to_jsonb(old) || jsonb_build_object(
    'since_load', %(load)s::integer, 'until_load', null, 'until_submission_id', null, 'until_line', null,
    'until_code', null, 'submission_id', %(by_submission)s::integer, 'line', %(by_line)s::integer,
    'value_usv', %(usv)s::bigint, 'state', %(estimated)s::smallint, 'adjusts', %(exceedance)s::integer
))).*
from old
