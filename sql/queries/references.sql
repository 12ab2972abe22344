-- name: asked_tables
create temp table if not exists asked_person (place integer not null, fingerprint uuid not null) on commit delete rows;
create temp table if not exists found_person (place integer not null, person_id integer not null) on commit delete rows;
create temp table if not exists found_attachment (
    attachment_id integer not null, person_id integer not null, establishment_id integer not null
) on commit delete rows;
create temp table if not exists asked_siret (
    place integer not null, siret text collate "C" not null
) on commit delete rows;
truncate asked_person, found_person, found_attachment, asked_siret;

-- name: find_people
insert into found_person (place, person_id)
select a.place, coalesce(m.person_id, i.worker_id)
from asked_person as a
inner join identity.identifier as i on a.fingerprint = i.fingerprint and i.until_load is null
left join identity.alias as m on i.worker_id = m.worker_id and m.until_load is null

-- name: people
select f.place, f.person_id, c.folded_last_name, c.folded_first_name
from found_person as f
inner join identity.civil as c on f.person_id = c.worker_id and c.until_load is null

-- name: merged
-- Other numbers of the asked persons.
select distinct m.person_id, m.worker_id
from found_person as f
inner join identity.alias as m on f.person_id = m.person_id and m.until_load is null
order by m.person_id, m.worker_id

-- name: establishments
select a.place, e.establishment_id, case when s.state = 'F' then s.state_since - date '1970-01-01' end
from asked_siret as a
inner join reference.establishment as e on a.siret = e.siret
inner join reference.establishment_state as s on e.establishment_id = s.establishment_id and s.until_load is null

-- name: find_attachments
-- The attachments of the asked persons, under every number that is theirs.
insert into found_attachment (attachment_id, person_id, establishment_id)
with person as (
    select distinct f.person_id from found_person as f
),
number as (
    select p.person_id as worker_id, p.person_id from person as p
    union all
    select m.worker_id, m.person_id
    from identity.alias as m
    inner join person as p on m.person_id = p.person_id
    where m.until_load is null
)
select t.attachment_id, n.person_id, t.establishment_id
from reference.attachment as t
inner join number as n on t.worker_id = n.worker_id

-- name: attachments
select f.attachment_id, f.person_id, f.establishment_id from found_attachment as f

-- name: periods
select p.attachment_id, p.start_day - date '1970-01-01', p.end_day - date '1970-01-01'
from found_attachment as f
inner join reference.attachment_period as p on f.attachment_id = p.attachment_id and p.until_load is null

-- name: statuses
-- Whether a status is one under surveillance: 1 or 0.
select
    s.attachment_id, s.valid_from - date '1970-01-01',
    case
        when s.class in ('NC', 'NR') or (s.class is null and s.other_exposure is null) then 0
        else 1
    end
from found_attachment as f
inner join reference.attachment_status as s on f.attachment_id = s.attachment_id and s.until_load is null

-- name: designations
select
    e.establishment_id, d.role, d.identifiant,
    d.start_day - date '1970-01-01', d.end_day - date '1970-01-01'
from asked_siret as a
inner join reference.establishment as e on a.siret = e.siret
inner join reference.designation as d on e.establishment_id = d.establishment_id and d.until_load is null
where d.role = any(%s)
