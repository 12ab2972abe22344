-- name: ensure_partition
select dose.ensure_partition(%s, %s)

-- name: change_table
create temp table if not exists outcome_change (
    entry_id integer not null,
    outcome char(1) not null,
    codes bigint not null,
    first_submission_id integer
) on commit delete rows;
truncate outcome_change;

-- name: leave_queue
update queue.entry as e
set until_load = %s
from outcome_change as c
where e.entry_id = c.entry_id and c.outcome <> 'A' and e.until_load is null

-- name: stay_in_queue
update queue.entry as e
set codes = c.codes
from outcome_change as c
where e.entry_id = c.entry_id and c.outcome = 'A'

-- name: amend_same_load
update ledger.row_entry as r
set codes = c.codes, outcome = c.outcome
from outcome_change as c
inner join queue.entry as e on c.entry_id = e.entry_id
where r.submission_id = e.submission_id and r.line = e.line and r.since_load = %s

-- name: close_row_entries
update ledger.row_entry as r
set until_load = %s
from outcome_change as c
inner join queue.entry as e on c.entry_id = e.entry_id
where r.submission_id = e.submission_id and r.line = e.line and r.until_load is null and r.since_load < %s

-- name: renew_row_entries
insert into ledger.row_entry (submission_id, line, since_load, first_submission_id, codes, outcome)
select e.submission_id, e.line, %s, c.first_submission_id, c.codes, c.outcome
from outcome_change as c
inner join queue.entry as e on c.entry_id = e.entry_id
where e.since_load < %s

-- name: moved
select e.submission_id, e.quantity, c.outcome, count(*), sum(e.book_usv)
from outcome_change as c
inner join queue.entry as e on c.entry_id = e.entry_id
where c.outcome <> 'A'
group by e.submission_id, e.quantity, c.outcome
order by e.submission_id, e.quantity, c.outcome

-- name: books_of
select
    submission_id, quantity,
    rows_received, rows_integrated, rows_waiting, rows_rejected, rows_duplicate,
    usv_received, usv_integrated, usv_waiting, usv_rejected, usv_duplicate
from ledger.book
where submission_id = any(%s) and until_load is null
order by submission_id, quantity

-- name: close_books
update ledger.book set until_load = %s where submission_id = any(%s) and until_load is null

-- name: insert_book
insert into ledger.book (
    submission_id, quantity, since_load,
    rows_received, rows_integrated, rows_waiting, rows_rejected, rows_duplicate,
    usv_received, usv_integrated, usv_waiting, usv_rejected, usv_duplicate
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- name: follow_up
with owed as (
    update ledger.follow_up set load_id = %(load)s
    where submission_id = any(%(submissions)s) and answered_at is null
    returning submission_id
)
insert into ledger.follow_up (submission_id, number, first_load_id, load_id)
select s.submission_id, coalesce(max(f.number), 0) + 1, %(load)s, %(load)s
from unnest(%(submissions)s::integer[]) as s (submission_id)
left join ledger.follow_up as f on s.submission_id = f.submission_id
where s.submission_id not in (select o.submission_id from owed as o)
group by s.submission_id

-- name: settle_submission
update ledger.submission
set state = 'TRAITE', format = %s, dialect = %s, load_id = %s
where submission_id = %s and state = 'RECU'

-- name: refuse_submission
update ledger.submission
set state = 'REFUSE', format = %s, file_code = %s, first_submission_id = %s, age_fault = %s
where submission_id = %s and state = 'RECU'
