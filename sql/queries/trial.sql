-- name: enter
-- A submission that no one ever sees: it goes with the transaction. Real drops are numbered from 1, so
-- this one stands in nobody's way meanwhile.
insert into ledger.submission (
    partner_id, file_name, drop_number, sha256, size_bytes, depot_mtime, marker, registry_date
)
values (
    %(partner)s, %(name)s, 0, decode(%(sha256)s, 'hex'), %(size)s, %(mtime)s, %(marker)s, %(today)s
)
returning submission_id

-- name: in_hand
-- As a pass holds a submission, so that nobody clears its staging away.
select pg_try_advisory_xact_lock(%s, %s)

-- name: idle
-- Whether no load is under way; in a transaction of its own, so the lock is not kept.
select pg_try_advisory_xact_lock(5351, 1)
