-- name: give_sign
insert into operation.sign (work) values (%s)
on conflict (work) do update set done_at = clock_timestamp()

-- name: signs
select s.work, s.done_at, extract(epoch from clock_timestamp() - s.done_at)::bigint from operation.sign as s

-- name: versions
select max(number), count(*) from siseri_migration

-- name: last_load
select l.load_id, l.kind, l.recorded_at from ledger.load as l order by l.load_id desc limit 1

-- name: queue
-- Rows that wait. An entry with a motive has no waiting row, and no term.
select count(*), min(e.received_on) from queue.entry as e where e.until_load is null and e.motive is null

-- name: answers_owed
-- A report is owed from the load that settled its file on, a follow-up from the load that it tells of.
select
    (select count(*) from ledger.submission as s where s.answered_at is null and s.state <> 'RECU'),
    (select count(*) from ledger.follow_up as f where f.answered_at is null),
    (
        select extract(epoch from clock_timestamp() - min(o.since))::bigint
        from (
            select coalesce(l.recorded_at, s.received_at) as since
            from ledger.submission as s
            left join ledger.load as l on s.load_id = l.load_id
            where s.answered_at is null and s.state <> 'RECU'
            union all
            select l.recorded_at
            from ledger.follow_up as f
            inner join ledger.load as l on f.load_id = l.load_id
            where f.answered_at is null
        ) as o
    )

-- name: files_waiting
-- Received and not settled. Those held for a person's yes are told apart; what its sender dropped later waits its turn.
select
    count(*) filter (where not w.held),
    count(*) filter (where w.incidents > 0),
    extract(epoch from clock_timestamp() - min(w.received_at) filter (where not w.held))::bigint,
    count(*) filter (where w.held),
    extract(epoch from clock_timestamp() - min(w.held_at) filter (where w.held))::bigint
from (
    select s.received_at, s.incidents, s.held_at, (s.held_at is not null and s.accepted_at is null) as held
    from ledger.submission as s
    where
        s.state = 'RECU'
        and not exists (
            select 1 from ledger.submission as e
            where
                e.partner_id = s.partner_id and e.submission_id < s.submission_id and e.state = 'RECU'
                and e.held_at is not null and e.accepted_at is null
        )
) as w

-- name: broken_promises
-- Of what came in, as the last check of the month that ended and of the one under way found it.
select count(*)
from quality.verdict as v
inner join
    (select max(r.run_id) as run_id from quality.run as r group by r.month order by r.month desc limit 2) as l
    on v.run_id = l.run_id
where not v.held

-- name: requests_overdue
select count(*) from rights.request as r where r.closed_on is null and r.due_on < %s

-- name: integrated_today
-- The collective dose of the files received on a day, as their books have it, and from how many rows.
select coalesce(sum(b.rows_integrated), 0), coalesce(sum(b.usv_integrated), 0)
from ledger.book as b
inner join ledger.submission as s on b.submission_id = s.submission_id
where b.until_load is null and s.registry_date = %s

-- name: keep_verification
insert into operation.verification (began_at, held, broken, findings) values (%s, %s, %s, %s)

-- name: last_verification
select v.ended_at, extract(epoch from clock_timestamp() - v.ended_at)::bigint, v.held, v.broken, v.findings
from operation.verification as v
order by v.verification_id desc limit 1

-- name: age
-- Seconds since the first migration: how long there has been anything to verify.
select extract(epoch from clock_timestamp() - min(m.applied_at))::bigint from siseri_migration as m

-- name: alerts
select a.code, a.since_at, a.seen_at, a.told_at from operation.alert as a order by a.since_at, a.code

-- name: keep_alert
insert into operation.alert (code, since_at, seen_at, told_at) values (%s, %s, %s, %s)
on conflict (code) do update set seen_at = excluded.seen_at, told_at = excluded.told_at

-- name: forget_alerts
delete from operation.alert where code <> all(%s)
