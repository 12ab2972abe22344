-- name: submission
select
    s.submission_id, s.partner_id, s.file_name, encode(s.sha256, 'hex'), s.marker, s.registry_date, s.state,
    p.code, p.role, p.identifiant, s.held_at is not null, s.accepted_at is not null,
    p.age_only
from ledger.submission as s
inner join ledger.partner as p on s.partner_id = p.partner_id
where s.submission_id = %s

-- name: sirens
select siren from ledger.partner_siren where partner_id = %s and until is null

-- name: same_bytes
-- The bytes as their sender wrote them: the same file encrypted twice is two different ones.
select s.submission_id
from ledger.submission as s
where
    s.partner_id = %s and coalesce(s.clear_sha256, s.sha256) = decode(%s, 'hex') and s.submission_id < %s
    and s.state = 'TRAITE'
    and not exists (
        select 1 from ledger.row_entry as r
        where r.submission_id = s.submission_id and r.until_load is null and r.outcome = 'R'
    )
order by s.submission_id
limit 1

-- name: pending
select s.submission_id, p.role, s.size_bytes
from ledger.submission as s
inner join ledger.partner as p on s.partner_id = p.partner_id
where
    s.state = 'RECU'
    -- A held file waits for a yes; its sender's later files are looked at, and wait behind it.
    and (s.held_at is null or s.accepted_at is not null)
-- Numbers are drawn in the order of a pass: those who declare, then modification time, then name.
order by (p.role in ('GESTIONNAIRE', 'EMPLOYEUR')) desc, s.submission_id asc

-- name: unhandled
-- Files that were taken a while ago and that nobody has in hand: the first of each sender.
select s.submission_id
from ledger.submission as s
where
    s.state = 'RECU' and s.incidents = 0 and s.received_at < clock_timestamp() - %s * interval '1 second'
    and (s.held_at is null or s.accepted_at is not null)
    and not exists (
        select 1 from ledger.submission as e
        where e.partner_id = s.partner_id and e.submission_id < s.submission_id and e.state = 'RECU'
    )
    and not exists (
        select 1 from pg_catalog.pg_locks as l
        where l.locktype = 'advisory' and l.classid = %s and l.objid = s.submission_id and l.granted
    )
order by s.submission_id

-- name: earlier
-- Whether an earlier file of the same sender still waits for its turn. One that met three incidents
-- holds the others up no longer; one that is held for a person's yes does.
select exists (
    select 1 from ledger.submission as e
    inner join ledger.submission as s on e.partner_id = s.partner_id
    where
        s.submission_id = %s and e.submission_id < s.submission_id and e.state = 'RECU'
        and (e.incidents < 3 or (e.held_at is not null and e.accepted_at is null))
)

-- name: incident
update ledger.submission set incidents = incidents + 1 where submission_id = %s
