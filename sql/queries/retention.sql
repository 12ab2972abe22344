-- name: homes
-- Accounts whose answers may hold identities, disabled ones too.
select partner_id, code from ledger.partner where role not in ('DGT', 'DSND') order by partner_id

-- name: looked_everywhere
select exists (select 1 from ledger.removal where rule = 'PASSAGE' and registry_date = %s)

-- name: kept
select partner_id, name_digest, mtime, seen_on from ledger.kept_answer where partner_id = any(%s)

-- name: keep
insert into ledger.kept_answer (partner_id, name_digest, mtime, seen_on) values (%s, %s, %s, %s)
on conflict (partner_id, name_digest) do update set mtime = excluded.mtime, seen_on = excluded.seen_on

-- name: forget
delete from ledger.kept_answer where partner_id = %s and name_digest = any(%s)

-- name: removed
insert into ledger.removal (rule, partner_id, registry_date, files) values (%s, %s, %s, %s)

-- name: due_lines
-- Rows that left the queue before a day and still hold their content, by sender.
select e.partner_id, count(*)
from queue.entry as e
inner join ledger.load as l on e.until_load = l.load_id
where e.cleared_on is null and (l.recorded_at at time zone 'Europe/Paris')::date < %(before)s
group by e.partner_id
order by e.partner_id

-- name: clear_lines
update queue.entry as e
set sealed = null, cleared_on = %(today)s
from ledger.load as l
where
    e.until_load = l.load_id and e.cleared_on is null
    and (l.recorded_at at time zone 'Europe/Paris')::date < %(before)s

-- name: clear_before
-- What a row held before a decision goes with it. (Only the decisions on rows cleared on this day are looked at.)
update queue.decision_entry as d
set sealed_before = null
from queue.entry as e
where d.entry_id = e.entry_id and e.cleared_on = %(today)s

-- name: clear_values
-- The value that was typed in goes when no row of its decision holds its content any more.
update queue.decision as k
set value_sealed = null
where
    exists (
        select 1 from queue.decision_entry as d
        inner join queue.entry as e on d.entry_id = e.entry_id
        where d.decision_id = k.decision_id and e.cleared_on = %(today)s
    )
    and not exists (
        select 1 from queue.decision_entry as d
        inner join queue.entry as e on d.entry_id = e.entry_id
        where d.decision_id = k.decision_id and e.cleared_on is null
    )

-- name: clear_messages
-- Delivered questions and noted answers on rows that wait no more.
update queue.message as m
set sealed = null, cleared_on = %(today)s
where
    m.cleared_on is null and (m.kind = 'REPONSE' or m.delivered_at is not null)
    and (m.written_at at time zone 'Europe/Paris')::date < %(before)s
    and not exists (
        select 1 from queue.entry as e
        where e.submission_id = m.submission_id and e.line = m.line and e.cleared_on is null
    )

-- name: due_legacy
-- Rows of an old registry that waited, were settled before a day and still hold their content.
select count(*)
from legacy.waiting as w
inner join ledger.load as l on w.until_load = l.load_id
where w.cleared_on is null and (l.recorded_at at time zone 'Europe/Paris')::date < %(before)s

-- name: clear_legacy
update legacy.waiting as w
set sealed = null, cleared_on = %(today)s
from ledger.load as l
where
    w.until_load = l.load_id and w.cleared_on is null
    and (l.recorded_at at time zone 'Europe/Paris')::date < %(before)s

-- name: due_files
-- Files settled, answered and never integrated, neither they nor another drop of the same bytes, by sender. A part of
-- an old registry stays: what came of it was reckoned from it.
with asked as (
    select s.submission_id, s.partner_id, s.file_name, s.drop_number, s.sha256, s.state, s.received_at, s.answered_at
    from ledger.submission as s
    where s.bytes_removed_on is null and (%(one)s::text is null or s.sha256 = decode(%(one)s, 'hex'))
),
idle as (
    select
        s.submission_id, s.partner_id, s.file_name, s.drop_number, s.sha256,
        s.state <> 'RECU' and s.answered_at is not null
        and greatest(s.answered_at, s.received_at, f.last) < %(before)s::date::timestamp at time zone 'Europe/Paris'
        and not f.owed
        and not exists (
            select 1 from ledger.book as k
            where
                k.submission_id = s.submission_id
                and (k.rows_integrated > 0 or (k.rows_waiting > 0 and k.until_load is null))
        )
        and not exists (select 1 from legacy.part as p where p.submission_id = s.submission_id or p.sha256 = s.sha256)
            as due
    from asked as s
    cross join lateral (
        select max(u.answered_at) as last, count(*) filter (where u.answered_at is null) > 0 as owed
        from ledger.follow_up as u
        where u.submission_id = s.submission_id
    ) as f
)

select i.submission_id, i.partner_id, p.code, i.file_name, i.drop_number, encode(i.sha256, 'hex')
from idle as i
inner join ledger.partner as p on i.partner_id = p.partner_id
where i.due and i.sha256 not in (select o.sha256 from idle as o where not o.due)
order by i.submission_id

-- name: bytes_removed
update ledger.submission set bytes_removed_on = %s where submission_id = any(%s)

-- name: due_accounts
-- Closed accounts whose removal is not logged since they were closed.
select p.partner_id, p.code, p.role
from ledger.partner as p
where
    (p.disabled_at at time zone 'Europe/Paris')::date < %(before)s
    and not exists (
        select 1 from ledger.removal as r
        where r.rule = 'COMPTES' and r.partner_id = p.partner_id and r.done_at > p.disabled_at
    )
order by p.partner_id

-- name: nameless_account
update ledger.partner set identifiant = null where partner_id = %s and role in ('MDT', 'CRP')

-- name: forget_home
delete from ledger.kept_answer where partner_id = %s

-- name: due_contacts
select count(*)
from reference.designation as d
left join ledger.load as l on d.until_load = l.load_id
where
    d.cleared_on is null
    and (d.end_day < %(before)s or (l.recorded_at at time zone 'Europe/Paris')::date < %(before)s)

-- name: clear_contacts
update reference.designation as d
set last_name = '', first_name = '', email = '', cleared_on = %(today)s
from reference.designation as o
left join ledger.load as l on o.until_load = l.load_id
where
    d.establishment_id = o.establishment_id and d.role = o.role and d.identifiant = o.identifiant
    and d.start_day = o.start_day and d.since_load = o.since_load and d.line = o.line
    and d.cleared_on is null
    and (o.end_day < %(before)s or (l.recorded_at at time zone 'Europe/Paris')::date < %(before)s)

-- name: due_requests
select count(*) from rights.request where cleared_on is null and closed_on < %(before)s

-- name: clear_requests
update rights.request set sealed = null, cleared_on = %(today)s where cleared_on is null and closed_on < %(before)s

-- name: log
-- What was removed of late, the latest first.
select r.rule, p.code, r.registry_date, r.files, r.done_at
from ledger.removal as r
left join ledger.partner as p on r.partner_id = p.partner_id
where r.rule <> 'PASSAGE'
order by r.removal_id desc
limit %s
