-- name: record
insert into queue.decision (
    action, cause, motive, who, field, value_sealed, standing_id, load_id,
    rows_integrated, rows_waiting, rows_rejected, rows_duplicate
)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
returning decision_id

-- name: before_table
create temp table if not exists decided (
    entry_id integer not null,
    outcome char(1) not null,
    codes_after bigint not null
) on commit delete rows;
truncate decided;

-- name: remember
-- What the decision made of each entry. The state before was remembered by before_rows.
insert into queue.decision_entry (
    decision_id, entry_id, submission_id, line, codes_before, waived_before, sealed_before, person_before, siret_before,
    measure_ref_before, measure_year_before, outcome, codes_after
)
select
    %s, b.entry_id, b.submission_id, b.line, b.codes, b.waived, nullif(b.sealed, e.sealed), b.person, b.siret,
    b.measure_ref, b.measure_year, d.outcome, d.codes_after
from decided as d
inner join undecided as b on d.entry_id = b.entry_id
inner join queue.entry as e on d.entry_id = e.entry_id

-- name: before_rows
create temp table if not exists undecided (
    entry_id integer primary key,
    submission_id integer not null,
    line integer not null,
    codes bigint not null,
    waived bigint not null,
    sealed bytea not null,
    person uuid,
    siret text collate "C",
    measure_ref text collate "C",
    measure_year smallint
) on commit delete rows;
truncate undecided;

-- name: note_before
insert into undecided
select entry_id, submission_id, line, codes, waived, sealed, person, siret, measure_ref, measure_year
from queue.entry where entry_id = any(%s)

-- name: known_people
-- Persons by fingerprints of numbers: the place of each, and the names the registry has now.
select k.place, c.last_name, c.first_name
from unnest(%s::uuid[]) with ordinality as k (fingerprint, place)
inner join identity.identifier as i on k.fingerprint = i.fingerprint and i.until_load is null
left join identity.alias as m on i.worker_id = m.worker_id and m.until_load is null
inner join identity.civil as c on coalesce(m.person_id, i.worker_id) = c.worker_id and c.until_load is null

-- name: known_siret
select 1 from reference.establishment where siret = %s

-- name: settle_cases
-- Entries that hold no row: looked at, nothing else changes.
update queue.entry set until_load = %s where entry_id = any(%s) and motive is not null and until_load is null

-- name: decision
select load_id, undone_load from queue.decision where decision_id = %s for update

-- name: decided_entries
select d.entry_id, d.submission_id, d.line, d.codes_before, d.outcome::text, d.codes_after, e.format
from queue.decision_entry as d
inner join queue.entry as e on d.entry_id = e.entry_id
where d.decision_id = %s
order by d.entry_id

-- name: cleared_entries
-- Rows of a decision whose content has had its time: there is nothing left to let wait again. They are held until the
-- end of the transaction, so that none loses it meanwhile.
select count(*) filter (where k.cleared_on is not null)
from (
    select e.cleared_on
    from queue.decision_entry as d
    inner join queue.entry as e on d.entry_id = e.entry_id
    where d.decision_id = %s
    for update of e
) as k

-- name: built_upon
-- Rows of a decision on which something has built since: another decision, a release, a correction, an annulment;
-- and rows of others that the decision itself sent out of the queue. What was built and is taken back counts no more:
-- a row then waits under another entry, a measure holds again as a later version.
with own as materialized (
    -- What its files brought since, in force: read once, off the loads, whatever the size of the warehouse.
    select distinct v.submission_id, v.line
    from dose.every_version as v
    where
        v.since_load >= %(decided)s and v.until_load is null
        and v.submission_id = any(array(
            select distinct f.submission_id from queue.decision_entry as f where f.decision_id = %(decision)s
        ))
)

select
    count(*) filter (where e.motive is null and r.since_load <> %(decided)s and d.outcome <> 'A') as changed_again,
    count(*) filter (where d.outcome = 'A' and not exists (
        select 1 from queue.entry as w
        where w.submission_id = d.submission_id and w.line = d.line and w.until_load is null and w.motive is null
    )) as left_since,
    count(*) filter (where exists (
        select 1 from queue.decision_entry as o
        inner join queue.decision as k on o.decision_id = k.decision_id
        inner join queue.entry as w on o.entry_id = w.entry_id
        where
            o.submission_id = d.submission_id and o.line = d.line and w.motive is not distinct from e.motive
            and k.load_id > %(decided)s and k.undone_load is null
    )) as decided_again,
    count(*) filter (where d.outcome = 'I' and e.motive is null and o.line is null) as not_in_force,
    (
        select count(*) from ledger.row_entry as x
        where
            x.since_load = %(decided)s and not exists (
                select 1 from queue.decision_entry as o
                where o.decision_id = %(decision)s and o.submission_id = x.submission_id and o.line = x.line
            )
    ) as sent_out,
    (
        -- A row that would wait again under a key that another one waits under by now.
        select count(*)
        from queue.decision_entry as b
        inner join queue.entry as w on b.entry_id = w.entry_id
        inner join queue.entry as o on w.format = o.format and b.measure_ref_before = o.measure_ref
        where
            b.decision_id = %(decision)s and o.until_load is null and w.motive is null
            and case
                when w.format = 'OPERATIONNELLE' then b.person_before = o.person
                else w.partner_id = o.partner_id and abs(b.measure_year_before - o.measure_year) <= 1
            end
            and not exists (
                select 1 from queue.decision_entry as m
                where m.decision_id = %(decision)s and m.submission_id = o.submission_id and m.line = o.line
            )
    ) as waits_beside
from queue.decision_entry as d
inner join queue.entry as e on d.entry_id = e.entry_id
left join own as o on d.submission_id = o.submission_id and d.line = o.line
left join ledger.row_entry as r on d.submission_id = r.submission_id and d.line = r.line and r.until_load is null
where d.decision_id = %(decision)s

-- name: in_force_since
-- Since which loads measures hold: the one that brought them, or one that gave them their force again.
select distinct since_load
from dose.keyed
where
    since_load >= %(decided)s and submission_id = any(%(submissions)s::integer[]) and until_load is null
    and (submission_id, line) in (select * from unnest(%(submissions)s::integer[], %(lines)s::integer[]))
order by since_load desc

-- name: take_back_doses
select dose.take_back(%s, %s, %s, %s::integer[], %s::integer[])

-- name: crowded
-- Measures given back their force that would stand beside another of their key; dose.keyed is a format's table.
select count(*)
from unnest(%(submissions)s::integer[], %(lines)s::integer[]) as k (submission_id, line)
inner join dose.keyed as w
    on k.submission_id = w.submission_id and k.line = w.line and w.until_load = %(load)s and w.until_code = 'U'
inner join dose.keyed as d
    on w.sender_id = d.sender_id and w.measure_id = d.measure_id and w.until_load = d.since_load and d.until_load is null
inner join dose.keyed as o
    on d.sender_id = o.sender_id and d.measure_id = o.measure_id and o.until_load is null
    and o.year in (d.year - 1, d.year + 1)
where w.submission_id = any(%(submissions)s::integer[])

-- name: reopen
-- Rows that had left wait again, as they waited before.
insert into queue.entry (
    submission_id, line, partner_id, format, codes, person, siret, quantity, book_usv, measure_ref, measure_year, sealed,
    received_on, since_load, motive, waived, revision
)
select
    e.submission_id, e.line, e.partner_id, e.format, d.codes_before, d.person_before, d.siret_before, e.quantity,
    e.book_usv, d.measure_ref_before, d.measure_year_before, coalesce(d.sealed_before, e.sealed), e.received_on, %s,
    e.motive, d.waived_before, e.revision + 1
from queue.decision_entry as d
inner join queue.entry as e on d.entry_id = e.entry_id
where d.decision_id = %s and d.outcome <> 'A'

-- name: restore
-- Rows that stayed have their content and codes of before again.
update queue.entry as e
set
    codes = d.codes_before, waived = d.waived_before, sealed = coalesce(d.sealed_before, e.sealed),
    person = d.person_before, siret = d.siret_before, measure_ref = d.measure_ref_before,
    measure_year = d.measure_year_before, revision = e.revision + 1
from queue.decision_entry as d
where
    d.decision_id = %s and d.outcome = 'A'
    and d.submission_id = e.submission_id and d.line = e.line and e.until_load is null and e.motive is null

-- name: close_rows
update ledger.row_entry as r
set until_load = %s
from queue.decision_entry as d
inner join queue.entry as e on d.entry_id = e.entry_id
where
    d.decision_id = %s and e.motive is null
    and r.submission_id = d.submission_id and r.line = d.line and r.until_load is null
    and (r.outcome <> 'A' or r.codes <> d.codes_before)

-- name: renew_rows
insert into ledger.row_entry (submission_id, line, since_load, codes, outcome)
select d.submission_id, d.line, %(load)s, d.codes_before, 'A'
from queue.decision_entry as d
inner join queue.entry as e on d.entry_id = e.entry_id
where
    d.decision_id = %(decision)s and e.motive is null
    and not exists (
        select 1 from ledger.row_entry as r
        where r.submission_id = d.submission_id and r.line = d.line and r.until_load is null
    )

-- name: moved_back
select e.submission_id, e.quantity, d.outcome::text, count(*), sum(e.book_usv)
from queue.decision_entry as d
inner join queue.entry as e on d.entry_id = e.entry_id
where d.decision_id = %s and d.outcome <> 'A' and e.motive is null
group by e.submission_id, e.quantity, d.outcome
order by e.submission_id, e.quantity, d.outcome

-- name: undone
update queue.decision set undone_load = %s, undone_by = %s, undone_at = clock_timestamp(), undone_motive = %s
where decision_id = %s

-- name: told
-- What analysts decided of the rows of a submission that left the queue between two loads: the last word on each line.
-- A row that was corrected, attached or confirmed may have waited on, and left by itself.
select distinct on (d.line) d.line, d.outcome = 'A', k.action, k.cause, k.motive, k.field
from queue.decision_entry as d
inner join queue.decision as k on d.decision_id = k.decision_id
where
    d.submission_id = %(submission)s and k.load_id <= %(last)s
    and (k.undone_load is null or k.undone_load > %(last)s)
    and ((d.outcome <> 'A' and k.load_id >= %(first)s) or (d.outcome = 'A' and k.action <> 'rejouer'))
order by d.line asc, k.load_id desc
