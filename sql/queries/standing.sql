-- name: in_force
select
    kind, from_siret, to_siret, from_sealed, to_sealed,
    valid_from - date '1970-01-01', valid_to - date '1970-01-01'
from queue.standing
where since_load is not null and until_load is null and (partner_id is null or partner_id = %s)
order by standing_id

-- name: propose
insert into queue.standing (
    kind, from_siret, to_siret, from_person, from_sealed, to_sealed, partner_id, valid_from, valid_to, motive, proposed_by
)
values (
    %(kind)s, %(from_siret)s, %(to_siret)s, %(from_person)s, %(from_sealed)s, %(to_sealed)s, %(partner)s,
    %(valid_from)s, %(valid_to)s, %(motive)s, %(who)s
)
returning standing_id

-- name: conflicting
-- Standing decisions not revoked that read the same identifier on some of the same days for some of the same senders,
-- or that start from what this one arrives at, or arrive at what it starts from: rules are not chained.
select s.standing_id
from queue.standing as s
where
    s.revoked_at is null and s.kind = %(kind)s
    and (
        (
            (s.from_siret = %(from_siret)s or s.from_person = %(from_person)s)
            and s.valid_from <= coalesce(%(valid_to)s::date, date '9999-12-31')
            and coalesce(s.valid_to, date '9999-12-31') >= %(valid_from)s
            and (s.partner_id is null or %(partner)s::integer is null or s.partner_id = %(partner)s)
        )
        or s.from_siret = %(to_siret)s or s.to_siret = %(from_siret)s or s.from_person = %(to_person)s
    )
order by s.standing_id

-- name: held_under
-- Measures in force under an establishment, or under the numbers of a person, whose day lies within a span.
select count(*)
from (
    select worker_id, establishment_id, year, end_day from dose.passive where until_load is null
    union all
    select worker_id, establishment_id, year, date '1970-01-01' + end_minute / 1440
    from dose.operational where until_load is null
    union all
    select worker_id, establishment_id, year, end_day from dose.internal where until_load is null
    union all
    select worker_id, establishment_id, year, end_day from dose.committed where until_load is null
    union all
    select worker_id, establishment_id, year, end_day from dose.aircrew where until_load is null
) as d
where
    d.year >= extract(year from %(first)s::date) and d.end_day between %(first)s and coalesce(%(last)s, date '9999-12-31')
    and (
        d.establishment_id = (select e.establishment_id from reference.establishment as e where e.siret = %(siret)s)
        or d.worker_id = any(array(
            select n.worker_id from identity.identifier as i
            inner join identity.person as p on i.worker_id = p.worker_id
            inner join identity.person as n on p.person_id = n.person_id
            where i.fingerprint = %(person)s::uuid and i.until_load is null
        ))
    )

-- name: arrivals
-- The persons that standing decisions not revoked arrive at, sealed.
select standing_id, to_sealed from queue.standing where kind = 'NIR' and revoked_at is null

-- name: list
select
    s.standing_id, s.kind, s.from_siret, s.to_siret, s.from_sealed, s.to_sealed, p.code, s.valid_from, s.valid_to, s.motive,
    s.proposed_by, s.proposed_at, s.approved_by, s.approved_at, s.revoked_by, s.revoked_at, s.revoked_motive
from queue.standing as s
left join ledger.partner as p on s.partner_id = p.partner_id
where %(one)s::integer is null or s.standing_id = %(one)s
order by s.standing_id

-- name: lock
select
    kind, from_siret, from_person, partner_id, proposed_by, approved_by, revoked_by, to_siret, from_sealed, to_sealed,
    valid_from, valid_to
from queue.standing where standing_id = %s for update

-- name: approve
update queue.standing set approved_by = %s, approved_at = clock_timestamp(), since_load = %s
where standing_id = %s and approved_by is null and revoked_by is null

-- name: revoke
update queue.standing
set
    revoked_by = %(who)s, revoked_at = clock_timestamp(), revoked_motive = %(motive)s,
    until_load = case when since_load is not null then %(load)s::integer end
where standing_id = %(standing)s and revoked_by is null

-- name: concerned
-- What waits under the identifier of a standing decision, each row sealed as sent.
select e.entry_id, e.sealed
from queue.entry as e
where
    e.until_load is null and e.motive is null
    and (e.siret = %(siret)s or e.person = %(person)s)
    and (%(partner)s::integer is null or e.partner_id = %(partner)s)
order by e.entry_id

-- name: concerned_count
-- How many rows wait under the identifier of a standing decision, up to a limit.
select count(*)
from (
    select 1
    from queue.standing as k
    inner join queue.entry as e on k.from_siret = e.siret or k.from_person = e.person
    where
        k.standing_id = %s and e.until_load is null and e.motive is null
        and (k.partner_id is null or k.partner_id = e.partner_id)
    limit %s
) as n
