-- name: books_and_entries
select count(*) from (
    select submission_id, sum(rows_waiting) as waiting, sum(rows_rejected) as rejected, sum(rows_duplicate) as duplicate
    from ledger.book where until_load is null group by submission_id
) as b
full join (
    select
        submission_id,
        count(*) filter (where outcome = 'A') as waiting,
        count(*) filter (where outcome = 'R') as rejected,
        count(*) filter (where outcome = 'D') as duplicate
    from ledger.row_entry where until_load is null group by submission_id
) as r on b.submission_id = r.submission_id
where
    coalesce(b.waiting, 0) <> coalesce(r.waiting, 0)
    or coalesce(b.rejected, 0) <> coalesce(r.rejected, 0)
    or coalesce(b.duplicate, 0) <> coalesce(r.duplicate, 0)

-- name: books_and_doses
with booked as (
    select s.submission_id, sum(b.rows_integrated) as integrated, sum(b.usv_integrated) as usv
    from ledger.submission as s
    inner join ledger.book as b on s.submission_id = b.submission_id and b.until_load is null
    where s.format in ('PASSIVE', 'OPERATIONNELLE', 'INTERNE', 'ENGAGEE', 'NAVIGANT')
    group by s.submission_id
),
stored as (
    -- Books carry values as sent, whatever an analyst corrected; a decision taken back (U) leaves versions that no
    -- longer stand for a row, and new versions of what it had replaced.
    select distinct
        v.submission_id, v.line,
        coalesce(q.book_usv, v.value_usv, 0) as usv
    from dose.every_version as v
    left join queue.entry as q on v.submission_id = q.submission_id and v.line = q.line and q.revision > 0
    where
        v.until_code is distinct from 'U'
        -- Nor does an older version, replaced by one that was taken back, once its own row is taken back too.
        and not exists (
            select 1 from dose.every_version as u
            where
                u.submission_id = v.submission_id and u.line = v.line and u.until_code = 'U'
                and u.since_load > v.since_load
        )
),
counted as (
    -- What a physician's conclusion adjusted is no row of a measure file.
    select submission_id, count(*) as doses, sum(usv) as usv from stored
    where submission_id not in (select c.submission_id from ledger.submission as c where c.format = 'CONCLUSION')
    group by submission_id
),
annulling as (
    select r.submission_id, count(*) as rows_
    from ledger.row_entry as r
    inner join ledger.submission as s on r.submission_id = s.submission_id
    where
        r.until_load is null and r.outcome = 'I'
        and s.format in ('PASSIVE', 'OPERATIONNELLE', 'INTERNE', 'ENGAGEE', 'NAVIGANT')
        and not exists (
            select 1 from stored as d where d.submission_id = r.submission_id and d.line = r.line
        )
    group by r.submission_id
)
select count(*)
from booked as b
full join counted as c on b.submission_id = c.submission_id
left join annulling as a on coalesce(b.submission_id, c.submission_id) = a.submission_id
where
    coalesce(b.integrated, 0) <> coalesce(c.doses, 0) + coalesce(a.rows_, 0)
    or (a.rows_ is null and coalesce(b.usv, 0) <> coalesce(c.usv, 0))

-- name: one_current_per_key
select sum(n) from (
    select count(*) as n
    from dose.passive as d
    inner join dose.passive as o
        on d.sender_id = o.sender_id and d.measure_id = o.measure_id and o.year = d.year + 1
    where d.until_load is null and o.until_load is null
    union all
    select count(*) as n
    from dose.internal as d
    inner join dose.internal as o
        on d.sender_id = o.sender_id and d.measure_id = o.measure_id and o.year = d.year + 1
    where d.until_load is null and o.until_load is null
    union all
    select count(*) as n
    from dose.committed as d
    inner join dose.committed as o
        on d.sender_id = o.sender_id and d.measure_id = o.measure_id and o.year = d.year + 1
    where d.until_load is null and o.until_load is null
    union all
    select count(*) as n
    from dose.aircrew as d
    inner join dose.aircrew as o
        on d.sender_id = o.sender_id and d.measure_id = o.measure_id and o.year = d.year + 1
    where d.until_load is null and o.until_load is null
) as c

-- name: queue_and_entries
select count(*) from (
    select submission_id, line from queue.entry where until_load is null and motive is null
) as q
full join (
    select submission_id, line from ledger.row_entry where until_load is null and outcome = 'A'
) as r on q.submission_id = r.submission_id and q.line = r.line
where q.submission_id is null or r.submission_id is null

-- name: loads_in_order
select count(*) from (
    select recorded_at, lag(recorded_at) over (order by load_id) as before from ledger.load
) as l
where recorded_at is null or before >= recorded_at

-- name: version_chains
select count(*)
from dose.every_version as d
where
    (d.until_load is null) <> (d.until_submission_id is null)
    or (d.until_load is null) <> (d.until_code is null)
    or d.until_load < d.since_load
    or not exists (select 1 from ledger.load as l where l.load_id = d.since_load)

-- name: known_workers
select count(*) from (
    select distinct worker_id, establishment_id from dose.every_version
) as d
where
    not exists (select 1 from identity.worker as w where w.worker_id = d.worker_id)
    or not exists (select 1 from reference.establishment as e where e.establishment_id = d.establishment_id)

-- name: persons
-- A merged number stands for a person that is no merged number itself.
select count(*)
from identity.alias as a
inner join identity.alias as o on a.person_id = o.worker_id and o.until_load is null
where a.until_load is null

-- name: exceedance_states
-- Exceedances without a state, or reckoned though they lapsed, or not reckoned though they hold.
select count(*)
from exposure.exceedance as e
left join exposure.state as s on e.exceedance_id = s.exceedance_id and s.until_load is null
left join exposure.reckoning as r on e.exceedance_id = r.exceedance_id and r.until_load is null
where s.state is null or (s.state = 'CADUC') <> (r.exceedance_id is null)

-- name: unanswered
select
    (select count(*) from ledger.submission where state <> 'RECU' and answered_at is null)
    + (select count(*) from ledger.follow_up where answered_at is null)

-- name: archived
-- Bytes whose time was over are not looked for, unless another drop of them holds them here.
select s.submission_id, encode(s.sha256, 'hex'), s.size_bytes, s.bytes_removed_on is not null
from ledger.submission as s
order by s.submission_id

-- name: audit_chain
-- What contradicts the audit's chain, and its head, told to one who may not read it.
select faults, place, digest from audit.judged()

-- name: removed_only_what_may_be
-- Rows without their content that wait, files without their bytes that doses came of: neither may be.
select
    (select count(*) from queue.entry as e where e.cleared_on is not null and e.until_load is null)
    + (
        select count(*) from ledger.submission as s
        where
            s.bytes_removed_on is not null and exists (
                select 1 from ledger.book as b where b.submission_id = s.submission_id and b.rows_integrated > 0
            )
    )
