-- name: last_load
select coalesce(max(load_id), 0) from ledger.load

-- name: close_piece
-- The piece of the log that holds everything committed so far; closed, so that it is archived.
select pg_walfile_name(pg_switch_wal() - 1)

-- name: archiving
select case when current_setting('archive_mode') = 'on' then current_setting('archive_command') end

-- name: archiver
select archived_count, last_archived_wal, last_archived_time, failed_count, last_failed_time
from pg_stat_archiver

-- name: arrivals
-- What the archive should have noted: the files of senders, not the parts of an old registry.
select
    s.submission_id, p.code, s.file_name, s.drop_number, encode(s.sha256, 'hex'), s.size_bytes, s.depot_mtime,
    s.marker, s.received_at, s.registry_date, s.received_at
from ledger.submission as s
inner join ledger.partner as p on s.partner_id = p.partner_id
where s.submission_id > %s and p.code <> 'REPRISE'
order by s.submission_id

-- name: bytes_wanted
select distinct encode(sha256, 'hex') from ledger.submission where bytes_removed_on is null

-- name: bytes_gone
-- Hashes whose bytes had their time before a day, in every file that has them.
select encode(sha256, 'hex') from ledger.submission
group by sha256
having bool_and(bytes_removed_on is not null) and max(bytes_removed_on) < %s

-- name: known
select submission_id, encode(sha256, 'hex'), file_name from ledger.submission

-- name: enter_again
insert into ledger.submission (
    submission_id, partner_id, file_name, drop_number, sha256, size_bytes, depot_mtime, marker, received_at,
    registry_date, left_depot
)
overriding system value
values (
    %(submission)s, %(partner)s, %(name)s, %(number)s, decode(%(sha256)s, 'hex'), %(size)s, %(mtime)s, %(marker)s,
    %(received_at)s, %(registry_date)s, true
)

-- name: beyond
-- New files get numbers above all that the archive knows.
select setval(
    'ledger.submission_submission_id_seq',
    greatest(%s, (select last_value from ledger.submission_submission_id_seq))
)

-- name: partner
select partner_id from ledger.partner where code = %s

-- name: answered_since
select submission_id from ledger.submission where state <> 'RECU' and answered_at >= %s
union
select submission_id from ledger.follow_up where answered_at >= %s
order by submission_id

-- name: notices_owed_again
update exposure.notice set told_at = null where told_at >= %s and removed_at is null

-- name: questions_owed_again
update queue.message set delivered_at = null where kind = 'QUESTION' and delivered_at >= %s and sealed is not null

-- name: lists_owed_again
-- Those of the month alone: a later pass makes no earlier month's.
delete from ledger.monthly_list where delivered_at >= %s and month >= date_trunc('month', %s::date)

-- name: look_again
delete from ledger.results_look

-- name: declarations_owed_again
delete from ledger.declaration_list where delivered_at >= %s

-- name: editions_owed_again
delete from ledger.edition_delivery where delivered_at >= %s

-- name: figures
-- What was in force at a load: doses by format, outcomes of rows, what waits; whoever counts them later counts the same.
select 'doses ' || format, count(*), coalesce(sum(value_usv), 0)
from dose.every_version
where since_load <= %(load)s and (until_load is null or until_load > %(load)s)
group by format
union all
select 'rows', count(*), coalesce(sum(codes::numeric), 0)
from ledger.row_entry
where since_load <= %(load)s and (until_load is null or until_load > %(load)s)
union all
select 'books', count(*), coalesce(sum(usv_received), 0)
from ledger.book
where since_load <= %(load)s and (until_load is null or until_load > %(load)s)
union all
select 'queue', count(*), 0
from queue.entry
where since_load <= %(load)s and (until_load is null or until_load > %(load)s)
union all
select 'persons', count(distinct worker_id), 0
from identity.identifier
where since_load <= %(load)s and (until_load is null or until_load > %(load)s)
order by 1

-- name: last_submission
select coalesce(max(submission_id), 0) from ledger.submission

-- name: reached
select
    (select max(recorded_at) from ledger.load),
    (select coalesce(max(submission_id), 0) from ledger.submission)

-- name: pending_day
select max(registry_date) from ledger.submission where state = 'RECU' and (held_at is null or accepted_at is not null)
