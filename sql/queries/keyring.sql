-- name: under_way
select rotation_id, began_at, began_by, old_check, new_check, exchanged_at, prints, orphans
from keyring.rotation where done_at is null

-- name: past
select rotation_id, began_at, began_by, old_check, new_check, exchanged_at, prints, orphans, done_at
from keyring.rotation order by rotation_id desc

-- name: begin
insert into keyring.rotation (began_by, old_check, new_check) values (%s, %s, %s)

-- name: begin_again
-- The key that was to follow was lost before anything hung on it.
update keyring.rotation set new_check = %s where done_at is null

-- name: forget
truncate keyring.print, keyring.progress

-- name: progress
select last_key, done_rows, finished from keyring.progress where place = %s

-- name: note_progress
insert into keyring.progress (place, last_key, done_rows, finished) values (%s, %s, %s, %s)
on conflict (place) do update set
    last_key = excluded.last_key, done_rows = keyring.progress.done_rows + excluded.done_rows,
    finished = excluded.finished

-- name: done_so_far
select coalesce(sum(done_rows), 0) from keyring.progress where place <> 'empreintes'

-- name: prints_so_far
select count(*) from keyring.print

-- name: alone_at_loading
-- The lock of loads (0001_ledger.sql): no load copies a sealed value while a step seals it anew.
select pg_advisory_xact_lock(5351, 1)

-- name: exchange_lock
select pg_advisory_xact_lock(%s, 0)

-- name: identifiers
select fingerprint, since_load, sealed from identity.identifier
where (fingerprint, since_load) > (%s, %s)
order by fingerprint, since_load limit %s

-- name: identifiers_left
select i.fingerprint, i.since_load, i.sealed from identity.identifier as i
where not exists (select 1 from keyring.print as p where p.old_print = i.fingerprint)

-- name: keep_prints
insert into keyring.print (old_print, new_print)
select k.old_print, k.new_print from unnest(%s::uuid[], %s::uuid[]) as k (old_print, new_print)
on conflict (old_print) do nothing

-- name: weigh
analyze keyring.print

-- name: rows_of_strangers
-- Rows of persons that are not known, one a person and a version of the row: waiting, or as they waited before.
select distinct on (k.person) k.person, k.format, k.sealed
from (
    select e.person, e.format, e.sealed from queue.entry as e
    union all
    select d.person_before, e.format, coalesce(d.sealed_before, e.sealed)
    from queue.decision_entry as d
    inner join queue.entry as e on d.entry_id = e.entry_id
) as k
where
    k.person is not null and k.sealed is not null
    and not exists (select 1 from keyring.print as p where p.old_print = k.person)

-- name: standing_prints
select v.person, v.sealed
from queue.standing as s
cross join lateral (values (s.from_person, s.from_sealed)) as v (person, sealed)
where v.person is not null and not exists (select 1 from keyring.print as p where p.old_print = v.person)

-- name: request_prints
select r.person, r.sealed
from rights.request as r
where r.sealed is not null and not exists (select 1 from keyring.print as p where p.old_print = r.person)

-- name: prints_left
select k.person
from (
    select e.person from queue.entry as e
    union
    select d.person_before from queue.decision_entry as d
    union
    select s.from_person from queue.standing as s
    union
    select c.cause_person from queue.cause as c
    union
    select r.person from rights.request as r
) as k
where
    k.person <> '00000000-0000-0000-0000-000000000000'
    and not exists (select 1 from keyring.print as p where p.old_print = k.person)

-- name: notices
select notice_id, digest, sealed from exposure.notice

-- name: exchange_notices
update exposure.notice as n set digest = k.digest
from unnest(%s::integer[], %s::uuid[]) as k (notice_id, digest) where n.notice_id = k.notice_id

-- name: exchange_mark
-- What the notices had seen hangs on the key: they look again.
delete from exposure.telling

-- name: exchange_key
update siseri_registry set key_check = %s

-- name: exchanged
update keyring.rotation set exchanged_at = clock_timestamp(), prints = %s, orphans = %s where done_at is null

-- name: done
update keyring.rotation set done_at = clock_timestamp() where done_at is null

-- name: quiet
-- Counts and checks of the queue are of what happens to a row; a new fingerprint or seal is the same row.
alter table queue.entry disable trigger user

-- name: loud
alter table queue.entry enable trigger user

-- name: sees_all
-- What row security hides would stay under the old key.
select not row_security_active('exposure.notice'::regclass) and not row_security_active('exposure.conclusion'::regclass)
