-- name: draw_workers
select nextval(pg_get_serial_sequence('identity.worker', 'worker_id')) from generate_series(1, %s)

-- name: draw_attachments
select nextval(pg_get_serial_sequence('reference.attachment', 'attachment_id')) from generate_series(1, %s)

-- name: draw_establishments
select nextval(pg_get_serial_sequence('reference.establishment', 'establishment_id')) from generate_series(1, %s)

-- name: civil
select worker_id, last_name, first_name, birth_day, sex, since_load, line, submission_id
from identity.civil where worker_id = any(%s) and until_load is null

-- name: attachments
select a.attachment_id, a.worker_id, a.establishment_id
from reference.attachment as a
inner join unnest(%s::integer[], %s::integer[]) as k (worker_id, establishment_id)
    on a.worker_id = k.worker_id and a.establishment_id = k.establishment_id

-- name: periods
select attachment_id, number, start_day, end_day, since_load, line, submission_id
from reference.attachment_period where attachment_id = any(%s) and until_load is null
order by attachment_id, number

-- name: statuses
select
    attachment_id, valid_from, class, other_exposure, character, domain, sector, hazard, contract, trade,
    share_tenths, worker_group, since_load, line, submission_id
from reference.attachment_status where attachment_id = any(%s) and until_load is null
order by attachment_id, valid_from

-- name: establishments
select
    e.siret, e.establishment_id, s.state, s.state_since, s.usual_name, s.sign, s.activity, s.municipality,
    s.head_office, s.since_load, s.line, s.submission_id
from reference.establishment as e
inner join reference.establishment_state as s on e.establishment_id = s.establishment_id and s.until_load is null
where e.siret = any(%s)

-- name: designations
select
    d.establishment_id, d.role, d.identifiant, d.start_day, d.end_day, d.last_name, d.first_name, d.email,
    d.since_load, d.line, d.submission_id
from reference.designation as d
where d.establishment_id = any(%s) and d.until_load is null

-- name: close_civil
update identity.civil as t set until_load = %s
from unnest(%s::integer[], %s::integer[], %s::integer[]) as k (owner, since_load, line)
where t.worker_id = k.owner and t.since_load = k.since_load and t.line = k.line and t.until_load is null

-- name: close_period
update reference.attachment_period as t set until_load = %s
from unnest(%s::integer[], %s::integer[], %s::integer[], %s::smallint[]) as k (owner, since_load, line, number)
where
    t.attachment_id = k.owner and t.since_load = k.since_load and t.line = k.line and t.number = k.number
    and t.until_load is null

-- name: close_status
update reference.attachment_status as t set until_load = %s
from unnest(%s::integer[], %s::integer[], %s::integer[], %s::date[]) as k (owner, since_load, line, valid_from)
where
    t.attachment_id = k.owner and t.since_load = k.since_load and t.line = k.line
    and t.valid_from = k.valid_from and t.until_load is null

-- name: close_establishment
update reference.establishment_state as t set until_load = %s
from unnest(%s::integer[], %s::integer[], %s::integer[]) as k (owner, since_load, line)
where t.establishment_id = k.owner and t.since_load = k.since_load and t.line = k.line and t.until_load is null

-- name: close_designation
update reference.designation as t set until_load = %s
from unnest(%s::integer[], %s::integer[], %s::integer[], %s::text[], %s::text[], %s::date[])
    as k (owner, since_load, line, role, identifiant, start_day)
where
    t.establishment_id = k.owner and t.since_load = k.since_load and t.line = k.line and t.role = k.role
    and t.identifiant = k.identifiant and t.start_day = k.start_day and t.until_load is null
