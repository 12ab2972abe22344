-- name: owed
select s.submission_id from ledger.submission as s
where s.answered_at is null and s.state <> 'RECU'
order by s.submission_id

-- name: facts
select
    s.submission_id, s.state, s.format, s.file_code, s.first_submission_id, s.load_id, s.dialect, p.code,
    s.file_name, s.drop_number, encode(s.sha256, 'hex'), s.answered_at, s.registry_date, s.declined_by, s.declined_motive,
    s.bytes_removed_on, s.age_fault
from ledger.submission as s
inner join ledger.partner as p on s.partner_id = p.partner_id
where s.submission_id = %s

-- name: books_at
select
    quantity,
    rows_received, rows_integrated, rows_waiting, rows_rejected, rows_duplicate,
    usv_received, usv_integrated, usv_waiting, usv_rejected, usv_duplicate
from ledger.book
where submission_id = %s and since_load <= %s and (until_load is null or until_load > %s)
order by quantity

-- name: code_counts_at
select codes, count(*)
from ledger.row_entry
where submission_id = %s and since_load <= %s and (until_load is null or until_load > %s)
group by codes

-- name: entries_at
select line, outcome::text, codes, first_submission_id
from ledger.row_entry
where submission_id = %s and since_load <= %s and (until_load is null or until_load > %s)
order by line

-- name: answered
-- Gives the seconds since the drop, as the server's clock and the sender's have them, at the first answer alone. Nobody
-- waits for this mark to be on the disk: lost with the machine, the same answer goes out again.
update ledger.submission as s
set answered_at = clock_timestamp()
from (select b.submission_id, b.answered_at from ledger.submission as b where b.submission_id = %s) as before
where s.submission_id = before.submission_id and set_config('synchronous_commit', 'off', true) = 'off'
returning
    case when before.answered_at is null then extract(epoch from s.answered_at)::double precision - s.depot_mtime end

-- name: follow_ups_owed
select f.submission_id, f.number, f.load_id from ledger.follow_up as f
where f.answered_at is null
order by f.submission_id, f.number

-- name: follow_up
select first_load_id, load_id from ledger.follow_up where submission_id = %s and number = %s

-- name: outcome_changes
-- Rows whose outcome after the last load is another than before the first.
select n.line, o.outcome::text, n.outcome::text, n.codes, n.first_submission_id
from ledger.row_entry as n
inner join ledger.row_entry as o
    on
        n.submission_id = o.submission_id and n.line = o.line
        and o.since_load < %(first)s and o.until_load >= %(first)s
where
    n.submission_id = %(submission)s and n.since_load between %(first)s and %(last)s
    and (n.until_load is null or n.until_load > %(last)s) and n.outcome <> o.outcome
order by n.line

-- name: follow_up_answered
update ledger.follow_up set answered_at = clock_timestamp()
where submission_id = %s and number = %s and load_id = %s
