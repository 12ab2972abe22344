-- name: asked_tables
create temp table if not exists asked_person (place integer not null, fingerprint uuid not null) on commit delete rows;
create temp table if not exists asked_siret (place integer not null, siret text collate "C" not null) on commit delete rows;
truncate asked_person, asked_siret;

-- name: people
select a.place, coalesce(m.person_id, i.worker_id), c.folded_last_name, c.folded_first_name
from asked_person as a
inner join identity.identifier as i on a.fingerprint = i.fingerprint and i.until_load is null
left join identity.alias as m on i.worker_id = m.worker_id and m.until_load is null
inner join identity.civil as c on coalesce(m.person_id, i.worker_id) = c.worker_id and c.until_load is null

-- name: merged
-- Other numbers of the asked persons.
select distinct m.person_id, m.worker_id
from asked_person as a
inner join identity.identifier as i on a.fingerprint = i.fingerprint and i.until_load is null
left join identity.alias as o on i.worker_id = o.worker_id and o.until_load is null
inner join identity.alias as m on coalesce(o.person_id, i.worker_id) = m.person_id and m.until_load is null
order by m.person_id, m.worker_id

-- name: establishments
select a.place, e.establishment_id, case when s.state = 'F' then s.state_since - date '1970-01-01' end
from asked_siret as a
inner join reference.establishment as e on a.siret = e.siret
inner join reference.establishment_state as s on e.establishment_id = s.establishment_id and s.until_load is null

-- name: attachments
with person as (
    select distinct coalesce(m.person_id, i.worker_id) as person_id
    from asked_person as a
    inner join identity.identifier as i on a.fingerprint = i.fingerprint and i.until_load is null
    left join identity.alias as m on i.worker_id = m.worker_id and m.until_load is null
),
number as (
    select person_id as worker_id, person_id from person
    union all
    select m.worker_id, m.person_id
    from identity.alias as m
    inner join person as p on m.person_id = p.person_id
    where m.until_load is null
)
select t.attachment_id, n.person_id, t.establishment_id
from reference.attachment as t
inner join number as n on t.worker_id = n.worker_id
where
    t.establishment_id in (
        select e.establishment_id from asked_siret as a inner join reference.establishment as e on a.siret = e.siret
    )
order by t.attachment_id

-- name: asked_attachments
create temp table if not exists asked_attachment (attachment_id integer not null) on commit delete rows;
truncate asked_attachment;

-- name: periods
select p.attachment_id, p.start_day - date '1970-01-01', p.end_day - date '1970-01-01'
from asked_attachment as a
inner join reference.attachment_period as p on a.attachment_id = p.attachment_id and p.until_load is null
order by p.attachment_id, p.number

-- name: statuses
select s.attachment_id, s.valid_from - date '1970-01-01', s.class, s.other_exposure
from asked_attachment as a
inner join reference.attachment_status as s on a.attachment_id = s.attachment_id and s.until_load is null
order by s.attachment_id, s.valid_from

-- name: designations
select
    e.establishment_id, d.role, d.identifiant,
    d.start_day - date '1970-01-01', d.end_day - date '1970-01-01'
from asked_siret as a
inner join reference.establishment as e on a.siret = e.siret
inner join reference.designation as d on e.establishment_id = d.establishment_id and d.until_load is null
where d.role = any(%s)
