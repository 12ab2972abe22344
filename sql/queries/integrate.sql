-- name: submission
select
    s.submission_id, s.partner_id, s.file_name, encode(s.sha256, 'hex'), s.marker, s.registry_date, s.state,
    p.code, p.role, p.identifiant
from ledger.submission as s
inner join ledger.partner as p on s.partner_id = p.partner_id
where s.submission_id = %s

-- name: sirens
select siren from ledger.partner_siren where partner_id = %s and until is null

-- name: same_bytes
select s.submission_id
from ledger.submission as s
where
    s.partner_id = %s and s.sha256 = decode(%s, 'hex') and s.submission_id < %s and s.state = 'TRAITE'
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
where s.state = 'RECU'
order by
    (p.role in ('GESTIONNAIRE', 'EMPLOYEUR')) desc, s.depot_mtime asc, s.file_name collate "C" asc, s.submission_id asc

-- name: unhandled
select submission_id from ledger.submission where state = 'RECU' and incidents = 0 order by submission_id

-- name: earlier
-- Whether an earlier file of the same sender still waits for its turn. One that met three incidents
-- holds the others up no longer.
select exists (
    select 1 from ledger.submission as e
    inner join ledger.submission as s on e.partner_id = s.partner_id
    where s.submission_id = %s and e.submission_id < s.submission_id and e.state = 'RECU' and e.incidents < 3
)

-- name: incident
update ledger.submission set incidents = incidents + 1 where submission_id = %s
