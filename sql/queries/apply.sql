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
-- Attachments of persons, under any number of theirs; those under their own come last.
with pair as (
    select distinct k.person_id, k.establishment_id
    from unnest(%s::integer[], %s::integer[]) as k (person_id, establishment_id)
),
number as (
    select person_id, establishment_id, person_id as worker_id from pair
    union all
    select p.person_id, p.establishment_id, m.worker_id
    from pair as p
    inner join identity.alias as m on p.person_id = m.person_id and m.until_load is null
)
select a.attachment_id, n.person_id, a.establishment_id
from number as n
inner join reference.attachment as a on n.worker_id = a.worker_id and n.establishment_id = a.establishment_id
order by n.worker_id = n.person_id, a.attachment_id

-- name: aliases
select person_id, worker_id, since_load, line, submission_id
from identity.alias where person_id = any(%s) and until_load is null

-- name: certified
select coalesce(m.person_id, i.worker_id), i.fingerprint
from identity.identifier as i
left join identity.alias as m on i.worker_id = m.worker_id and m.until_load is null
where i.kind = 'NIR' and i.until_load is null and coalesce(m.person_id, i.worker_id) = any(%s)

-- name: verifications
select worker_id, state, since_load, line, submission_id
from identity.verification where worker_id = any(%s) and until_load is null

-- name: sender
select partner_id from ledger.submission where submission_id = %s

-- name: same_passages
-- Current passages of two sets of numbers that bear one key once the numbers are one person: the later
-- of the two, whether the two are the same, its quantity and dose.
select
    case when o.second then b.worker_id else a.worker_id end,
    a.start_minute, a.key_digest, a.year,
    (a.dosimeter, a.value_usv, a.activity) = (b.dosimeter, b.value_usv, b.activity),
    q.code,
    case when o.second then b.value_usv else a.value_usv end
from dose.operational as a
inner join dose.operational as b
    on a.start_minute = b.start_minute and a.key_digest = b.key_digest and a.year = b.year
cross join lateral (
    select (a.since_load, a.submission_id, a.line) < (b.since_load, b.submission_id, b.line) as second
) as o
inner join reference.code_list as q on q.list = 'OPERATIONNELLE.TYPE_MESURE' and a.quantity = q.number
where
    a.worker_id = any(%s) and b.worker_id = any(%s) and a.until_load is null and b.until_load is null
order by a.start_minute

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

-- name: close_alias
update identity.alias as t set until_load = %s
from unnest(%s::integer[], %s::integer[], %s::integer[]) as k (owner, since_load, line)
where t.worker_id = k.owner and t.since_load = k.since_load and t.line = k.line and t.until_load is null

-- name: close_verification
update identity.verification as t set until_load = %s
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
