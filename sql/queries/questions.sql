-- name: hold
-- Numbers of a file's questions are drawn one after the other.
select s.submission_id from ledger.submission as s
inner join queue.entry as e on s.submission_id = e.submission_id
where e.entry_id = %s
for update of s

-- name: hold_submission
select submission_id from ledger.submission where submission_id = %s for update

-- name: write_about
insert into queue.message (submission_id, line, kind, number, who, sealed)
select
    %s, %s, 'QUESTION',
    (select coalesce(max(m.number), 0) + 1 from queue.message as m where m.submission_id = s.submission_id), %s, %s
from ledger.submission as s
where s.submission_id = %s
returning message_id

-- name: write
insert into queue.message (entry_id, submission_id, line, kind, number, who, sealed)
select
    e.entry_id, e.submission_id, e.line, %(kind)s,
    case when %(kind)s = 'QUESTION' then (
        select coalesce(max(m.number), 0) + 1 from queue.message as m where m.submission_id = e.submission_id
    ) end,
    %(who)s, %(sealed)s
from queue.entry as e
where e.entry_id = %(entry)s and (e.until_load is null or %(kind)s = 'REPONSE')
returning message_id

-- name: owed
select
    m.message_id, m.submission_id, m.line, m.number, m.written_at, m.sealed, coalesce(e.codes, 0), p.code, s.file_name, s.drop_number
from queue.message as m
left join queue.entry as e on m.entry_id = e.entry_id
inner join ledger.submission as s on m.submission_id = s.submission_id
inner join ledger.partner as p on s.partner_id = p.partner_id
where m.kind = 'QUESTION' and m.delivered_at is null
order by m.message_id

-- name: delivered
update queue.message set delivered_at = clock_timestamp() where message_id = %s

-- name: of_row
select message_id, kind, who, written_at, sealed, delivered_at
from queue.message where submission_id = %s and line = %s
order by message_id
