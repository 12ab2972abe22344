-- name: lock
-- One edition is proposed at a time.
select pg_advisory_xact_lock(5351, 7)

-- name: latest
-- The edition published last of a year and scope (monthly ones count among themselves), and the next number.
select
    (
        select l.edition_id from ledger.edition as l
        where l.kind = %(kind)s and l.year = %(year)s and l.scope = %(scope)s and l.approved
        order by l.as_of_load desc, l.edition_id desc
        limit 1
    ),
    coalesce(max(e.number), 0) + 1
from ledger.edition as e
where
    e.kind = %(kind)s and e.year = %(year)s and e.scope = %(scope)s
    and e.month is not distinct from %(month)s::date

-- name: instant
select as_of_load, as_of from ledger.edition where edition_id = %s

-- name: undecided
select edition_id from ledger.edition
where kind = 'ANNUELLE' and year = %s and scope = %s and decided_at is null

-- name: monthly_done
select exists (select 1 from ledger.edition where kind = 'MENSUELLE' and month = %s and scope = %s)

-- name: receivers
select count(*) from ledger.partner where role = 'DGT' and is_open

-- name: propose
insert into ledger.edition (
    kind, year, month, scope, number, previous_id, as_of_load, as_of, manifest, changes, proposed_by, decided_by,
    decided_at, approved
) values (
    %(kind)s, %(year)s, %(month)s, %(scope)s, %(number)s, %(previous)s, %(load)s, %(as_of)s, %(manifest)s, %(changes)s,
    %(who)s, case when %(at_once)s then %(who)s end, case when %(at_once)s then clock_timestamp() end,
    case when %(at_once)s then true end
)
returning edition_id

-- name: decide
update ledger.edition set decided_by = %s, decided_at = clock_timestamp(), approved = %s, motive = %s
where edition_id = %s and decided_at is null

-- name: one
select
    e.edition_id, e.kind, e.year, e.month, e.scope, e.number, e.as_of_load, e.as_of, e.manifest, e.changes,
    p.as_of, e.proposed_by, e.proposed_at, e.decided_by, e.decided_at, e.approved, e.motive
from ledger.edition as e
left join ledger.edition as p on e.previous_id = p.edition_id
where e.edition_id = %s

-- name: listing
select
    e.edition_id, e.kind, e.year, e.month, e.scope, e.number, e.as_of, e.proposed_by, e.proposed_at, e.decided_by,
    e.decided_at, e.approved, e.motive, (select count(*) from ledger.edition_delivery as d where d.edition_id = e.edition_id)
from ledger.edition as e
order by e.edition_id

-- name: owed
-- Published editions and the ministry's accounts that do not have them yet.
select e.edition_id, p.partner_id, p.code
from ledger.edition as e
cross join ledger.partner as p
where
    e.approved and p.role = 'DGT' and p.is_open
    and not exists (
        select 1 from ledger.edition_delivery as d where d.edition_id = e.edition_id and d.partner_id = p.partner_id
    )
order by e.edition_id, p.partner_id

-- name: delivered
insert into ledger.edition_delivery (edition_id, partner_id) values (%s, %s)

-- name: changes
-- What the registry took in between two loads that concerns a year's results.
with versions as (
    select d.since_load, d.until_load, d.until_code, d.submission_id, d.worker_id
    from dose.every_version as d
    where d.year = %(year)s
),
begun as (
    select v.submission_id, v.since_load, s.load_id
    from versions as v
    inner join ledger.submission as s on v.submission_id = s.submission_id
    where v.since_load > %(since)s and v.since_load <= %(until)s
),
ended as (
    select v.until_code from versions as v where v.until_load > %(since)s and v.until_load <= %(until)s
)
select
    (select count(*) from begun as b where b.load_id > %(since)s),
    (select count(*) from begun as b where b.load_id <= %(since)s),
    (select count(*) from ended as e where e.until_code = 'C'),
    (select count(*) from ended as e where e.until_code = 'A'),
    (select count(*) from ended as e where e.until_code not in ('A', 'C') or e.until_code is null),
    (
        select count(*) from identity.alias as a
        where
            ((a.since_load > %(since)s and a.since_load <= %(until)s) or (a.until_load > %(since)s and a.until_load <= %(until)s))
            and exists (select 1 from versions as v where v.worker_id in (a.worker_id, a.person_id))
    ),
    (
        select count(*) from reference.attachment_status as a
        where
            (a.since_load > %(since)s and a.since_load <= %(until)s)
            or (a.until_load > %(since)s and a.until_load <= %(until)s)
    ),
    (
        select count(*) from exposure.state as s
        where s.since_load > %(since)s and s.since_load <= %(until)s
    )

-- name: public_lock
-- Public editions of a year are made one after the other.
select pg_advisory_xact_lock(5369, %s)

-- name: public_shown
select as_of_load, shown, reasons from ledger.public_edition where year = %s and scope = %s order by as_of_load

-- name: public_keep
insert into ledger.public_edition (year, scope, as_of_load, shown, reasons) values (%s, %s, %s, %s, %s)

-- name: public_latest
select e.as_of_load, l.recorded_at
from ledger.public_edition as e
inner join ledger.load as l on e.as_of_load = l.load_id
where e.year = %s and e.scope = %s
order by e.as_of_load desc
limit 1
