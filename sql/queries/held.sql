-- name: mark
-- Once: a file that somebody said yes to is never held again.
update ledger.submission
set held_at = clock_timestamp(), held_share = %s, held_figures = %s, format = %s
where submission_id = %s and state = 'RECU' and held_at is null

-- name: codes
-- Rows by code, seen from inside the load that wrote them.
select codes, count(*) from ledger.row_entry where submission_id = %s and since_load = %s group by codes

-- name: listing
select
    s.submission_id, p.code, s.file_name, s.format, s.received_at, s.held_at, s.held_share, s.held_figures, s.asked_at
from ledger.submission as s
inner join ledger.partner as p on s.partner_id = p.partner_id
where s.state = 'RECU' and s.held_at is not null and s.accepted_at is null
order by s.held_at, s.submission_id

-- name: accept
update ledger.submission
set accepted_by = %s, accepted_at = clock_timestamp()
where submission_id = %s and state = 'RECU' and held_at is not null and accepted_at is null

-- name: undecided
-- Read under the row's lock, so that two answers come one after the other.
select held_share, format from ledger.submission
where submission_id = %s and state = 'RECU' and held_at is not null and accepted_at is null
for update

-- name: declined
update ledger.submission
set declined_by = %s, declined_at = clock_timestamp(), declined_motive = %s
where submission_id = %s

-- name: claim
-- Files to ask about, the longest held first: those that nobody was asked about, those that this very run claimed
-- before (its task is tried again), and those whose claim outlived the run that made it.
with chosen as (
    select s.submission_id
    from ledger.submission as s
    where
        s.state = 'RECU' and s.held_at is not null and s.accepted_at is null
        and (
            s.asked_at is null or s.asked_run = %(run)s
            or s.asked_at < clock_timestamp() - %(stale_s)s * interval '1 second'
        )
    order by (s.asked_run is not distinct from %(run)s) desc, s.held_at asc, s.submission_id asc
    limit %(most)s
    for update skip locked
),
claimed as (
    update ledger.submission as s
    set asked_at = clock_timestamp(), asked_run = %(run)s
    from chosen as c
    where s.submission_id = c.submission_id
    returning s.submission_id, s.held_share
)
select c.submission_id, c.held_share from claimed as c
order by c.submission_id
