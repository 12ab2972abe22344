-- name: account
select legacy.account()

-- name: open_migration
select migration_id, day, state from legacy.migration where state in ('EN_COURS', 'A_ACCEPTER')

-- name: last_migration
select migration_id, day, state from legacy.migration where state <> 'ANNULEE' order by migration_id desc limit 1

-- name: begin_migration
insert into legacy.migration (day) values (%s) returning migration_id, day, state

-- name: set_state
update legacy.migration set state = %s where migration_id = %s

-- name: close_migration
update legacy.migration
set state = %s, decided_by = %s, decided_at = clock_timestamp()
where migration_id = %s and state in ('EN_COURS', 'A_ACCEPTER')

-- name: parts
-- Parts that a migration that stands has taken.
select p.kind || '/' || p.name, encode(p.sha256, 'hex'), p.submission_id, m.state <> 'ACCEPTEE'
from legacy.part as p
inner join legacy.migration as m on p.migration_id = m.migration_id
where m.state <> 'ANNULEE'

-- name: submission
insert into ledger.submission (
    partner_id, file_name, drop_number, sha256, size_bytes, depot_mtime, registry_date, left_depot, state, format,
    load_id, answered_at
) values (%s, %s, %s, decode(%s, 'hex'), %s, 0, %s, true, 'TRAITE', %s, %s, clock_timestamp())
returning submission_id

-- name: part
insert into legacy.part (submission_id, migration_id, kind, name, sha256, load_id)
values (%s, %s, %s, %s, decode(%s, 'hex'), %s)

-- name: causes_of_workers
select distinct cause from legacy.worker where migration_id = %s and cause is not null order by cause

-- name: workers
select
    old_id, coalesce(worker_id, 0),
    case when cause is null then 0 else array_position(%(causes)s::text[], cause) - 1 end
from legacy.worker where migration_id = %(migration)s
order by old_id

-- name: met_workers
select old_id from legacy.worker where migration_id = %s and old_id = any(%s)

-- name: people
select replace(i.fingerprint::text, '-', ''), coalesce(m.person_id, i.worker_id), c.folded_last_name,
    c.folded_first_name
from identity.identifier as i
left join identity.alias as m on i.worker_id = m.worker_id and m.until_load is null
inner join identity.civil as c on coalesce(m.person_id, i.worker_id) = c.worker_id and c.until_load is null
where i.fingerprint = any(%s::uuid[]) and i.until_load is null

-- name: establishments
select e.siret, e.establishment_id
from reference.establishment as e
inner join reference.establishment_state as s on e.establishment_id = s.establishment_id and s.until_load is null

-- name: bare_establishments
-- Numbers that a migration taken back left behind: of no establishment that the registry knows.
select e.siret, e.establishment_id
from reference.establishment as e
where not exists (
    select 1 from reference.establishment_state as s
    where s.establishment_id = e.establishment_id and s.until_load is null
)

-- name: senders
select code, partner_id from ledger.partner

-- name: pairs
select a.worker_id, a.establishment_id, a.attachment_id
from reference.attachment as a
inner join unnest(%s::integer[], %s::integer[]) as k (worker_id, establishment_id)
    on a.worker_id = k.worker_id and a.establishment_id = k.establishment_id

-- name: living
select distinct attachment_id from reference.attachment_period
where attachment_id = any(%s::integer[]) and until_load is null

-- name: indexed_years
-- Years of a table whose partition has its indexes: only there can a key be asked for.
select (regexp_match(c.relname, '_([0-9]{4})$'))[1]::integer
from pg_class as p
inner join pg_inherits as i on p.oid = i.inhparent
inner join pg_class as c on i.inhrelid = c.oid
where
    p.oid = ('dose.' || %s)::regclass and c.relname ~ '_[0-9]{4}$'
    and to_regclass('dose.' || c.relname || '_key') is not null
union all
select y.year
from generate_series(1, 1949) as y (year)
where to_regclass('dose.' || %s || '_before_key') is not null

-- name: begin_partition
select part, indexed from legacy.begin_partition(%s, %s)

-- name: unfinished_partitions
select name from legacy.unfinished_partitions() as u (name)

-- name: finish_partition
select legacy.finish_partition(%s)

-- name: waiting
-- Waiting rows of a part in a group: a cause, or a cause and what it is about. Those of this load wait again already.
select entry_id, line, cause, code, year, quantity, usv, sealed
from legacy.waiting
where submission_id = %s and until_load is null and (cause = %s or code = %s) and entry_id > %s and since_load < %s
order by entry_id
limit %s

-- name: settle_waiting
update legacy.waiting set until_load = %s where entry_id = any(%s::bigint[]) and until_load is null

-- name: groups
select w.code, w.cause, w.kind, count(*), sum(w.usv), min(nullif(w.year, 0)), max(nullif(w.year, 0))
from legacy.waiting as w
inner join legacy.part as p on w.submission_id = p.submission_id
where p.migration_id = %s and w.until_load is null
group by w.code, w.cause, w.kind
order by count(*) desc, w.code, w.kind

-- name: waiting_workers
select old_id, cause from legacy.worker where migration_id = %s and worker_id is null and cause <> 'REJETE' order by old_id

-- name: refuse_workers
-- Workers of a group wait no longer: they will be nobody. Rows that name them wait under this cause.
update legacy.worker set cause = 'REJETE'
where migration_id = %s and worker_id is null and (cause = %s or cause || ':' || old_id = %s)
returning submission_id

-- name: worker_part
select submission_id from legacy.worker where migration_id = %s and old_id = %s

-- name: label_groups
select l.label, s.sector, count(*)
from legacy.label as l
inner join reference.attachment_status as s
    on l.attachment_id = s.attachment_id and l.valid_from = s.valid_from and s.until_load is null
where l.until_load is null
group by l.label, s.sector
order by count(*) desc, l.label, s.sector

-- name: group_parts
select distinct w.submission_id, w.kind
from legacy.waiting as w
inner join legacy.part as p on w.submission_id = p.submission_id
where p.migration_id = %s and w.until_load is null and (w.cause = %s or w.code = %s)
order by w.submission_id

-- name: waiting_worker
select sealed, cause from legacy.worker where migration_id = %s and old_id = %s and worker_id is null

-- name: identify_worker
update legacy.worker set worker_id = %s, cause = null, sealed = null
where migration_id = %s and old_id = %s and worker_id is null

-- name: decided
insert into legacy.decision (load_id, code, action, rows_moved, motive, decided_by) values (%s, %s, %s, %s, %s, %s)

-- name: labelled
select l.attachment_id, l.valid_from
from legacy.label as l
inner join reference.attachment_status as s
    on l.attachment_id = s.attachment_id and l.valid_from = s.valid_from and s.until_load is null
where l.until_load is null and l.label = %s and s.sector = %s and s.trade = ''

-- name: close_labels
update legacy.label as l
set until_load = %s
from unnest(%s::integer[], %s::date[]) as k (attachment_id, valid_from)
where l.attachment_id = k.attachment_id and l.valid_from = k.valid_from and l.until_load is null

-- name: close_untold
update reference.attachment_status as s
set until_load = %s
from unnest(%s::integer[], %s::date[]) as k (attachment_id, valid_from)
where s.attachment_id = k.attachment_id and s.valid_from = k.valid_from and s.until_load is null

-- name: tell_trade
insert into reference.attachment_status (
    attachment_id, valid_from, class, other_exposure, character, domain, sector, hazard, contract, trade, share_tenths,
    worker_group, since_load, submission_id, line
)
select
    s.attachment_id, s.valid_from, s.class, s.other_exposure, s.character, s.domain, s.sector, s.hazard, s.contract,
    %(trade)s, s.share_tenths, s.worker_group, %(load)s, s.submission_id, s.line
from reference.attachment_status as s
inner join unnest(%(attachments)s::integer[], %(days)s::date[]) as k (attachment_id, valid_from)
    on s.attachment_id = k.attachment_id and s.valid_from = k.valid_from
where s.until_load = %(load)s

-- name: built_upon
-- What others have built on a migration since: versions of its own that another load closed, measures and declarations
-- of other files on workers and establishments that came with it.
with own as (
    select p.submission_id from legacy.part as p where p.migration_id = %(migration)s
),
first as (
    select min(p.load_id) as load_id from legacy.part as p where p.migration_id = %(migration)s
),
people as (
    select c.worker_id from identity.civil as c
    where c.submission_id in (select o.submission_id from own as o)
),
places as (
    select s.establishment_id from reference.establishment_state as s
    where s.submission_id in (select o.submission_id from own as o)
)
select
    (
        select count(*) from dose.every_version as d
        where
            d.submission_id in (select o.submission_id from own as o) and d.until_load is not null
            and d.until_code <> 'U'
    )
    + (
        select count(*) from dose.every_version as d
        where
            d.submission_id not in (select o.submission_id from own as o)
            and d.since_load > (select f.load_id from first as f)
            and (
                d.worker_id in (select w.worker_id from people as w)
                or d.establishment_id in (select e.establishment_id from places as e)
            )
    )
    + (
        select count(*) from identity.civil as c
        where
            c.worker_id in (select w.worker_id from people as w)
            and c.submission_id not in (select o.submission_id from own as o)
            and c.since_load > (select f.load_id from first as f)
    )
    + (
        select count(*) from identity.alias as a
        where
            a.until_load is null and (
                a.worker_id in (select w.worker_id from people as w)
                or a.person_id in (select w.worker_id from people as w)
            )
    )
    + (
        select count(*)
        from reference.attachment_period as t
        inner join reference.attachment as a on t.attachment_id = a.attachment_id
        where
            t.submission_id not in (select o.submission_id from own as o)
            and t.since_load > (select f.load_id from first as f)
            and (
                a.worker_id in (select w.worker_id from people as w)
                or a.establishment_id in (select e.establishment_id from places as e)
                or exists (
                    select 1 from reference.attachment_period as y
                    where y.attachment_id = t.attachment_id and y.submission_id in (select o.submission_id from own as o)
                )
            )
    )
    + (
        select count(*) from reference.establishment_state as s
        where
            s.establishment_id in (select e.establishment_id from places as e)
            and s.submission_id not in (select o.submission_id from own as o)
            and s.since_load > (select f.load_id from first as f)
    )
    + (
        select count(*) from reference.designation as g
        where g.until_load is null and g.establishment_id in (select e.establishment_id from places as e)
    )

-- name: take_back_doses
-- Below, dose.kind stands for the table of a kind of measures.
update dose.kind
set until_load = %(load)s, until_submission_id = submission_id, until_line = line, until_code = 'U'
where submission_id = any(%(parts)s::integer[]) and until_load is null

-- name: take_back_identifiers
update identity.identifier set until_load = %(load)s
where
    until_load is null
    and worker_id in (select c.worker_id from identity.civil as c where c.submission_id = any(%(parts)s::integer[]))

-- name: take_back_versions
-- Below, reference.versions stands for a table of versions.
update reference.versions set until_load = %(load)s
where submission_id = any(%(parts)s::integer[]) and until_load is null

-- name: take_back_labels
update legacy.label set until_load = %(load)s
where
    until_load is null
    and since_load in (select p.load_id from legacy.part as p where p.migration_id = %(migration)s)

-- name: take_back_waiting
update legacy.waiting set until_load = %(load)s where submission_id = any(%(parts)s::integer[]) and until_load is null

-- name: take_back_books
update ledger.book set until_load = %(load)s where submission_id = any(%(parts)s::integer[]) and until_load is null

-- name: empty_books
-- A file that was taken back brought nothing.
insert into ledger.book (
    submission_id, quantity, since_load,
    rows_received, rows_integrated, rows_waiting, rows_rejected, rows_duplicate,
    usv_received, usv_integrated, usv_waiting, usv_rejected, usv_duplicate
)
select b.submission_id, b.quantity, %(load)s, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
from ledger.book as b
where b.submission_id = any(%(parts)s::integer[]) and b.until_load = %(load)s

-- name: close_day
update exposure.legacy set until_load = %(load)s where until_load is null

-- name: restore_day
-- An earlier migration that was accepted has its day again.
insert into exposure.legacy (day, since_load)
select m.day, %(load)s from legacy.migration as m
where m.state = 'ACCEPTEE' order by m.migration_id desc limit 1

-- name: part_numbers
select submission_id from legacy.part where migration_id = %s order by submission_id

-- name: reconciliation
select
    p.kind, m.year, m.quantity, m.outcome, m.cause, sum(m.rows_moved), sum(m.usv)
from legacy.movement as m
inner join legacy.part as p on m.submission_id = p.submission_id
where p.migration_id = %s
group by p.kind, m.year, m.quantity, m.outcome, m.cause
having sum(m.rows_moved) <> 0 or sum(m.usv) <> 0
order by p.kind, m.year, m.quantity, m.outcome, m.cause

-- name: repairs
select r.rule, r.field, count(*)
from legacy.repair as r
inner join legacy.part as p on r.submission_id = p.submission_id
where p.migration_id = %s
group by r.rule, r.field
order by r.rule, r.field

-- name: in_registry
-- Rows and micro-sieverts that a migration's loads brought and that were not taken back, whatever the movements say.
select d.format, d.year, count(*), coalesce(sum(d.value_usv), 0)
from dose.every_version as d
where
    d.submission_id in (select p.submission_id from legacy.part as p where p.migration_id = %s)
    and d.since_load in (select l.load_id from ledger.load as l where l.kind = 'legacy')
    and (d.until_code is null or d.until_code <> 'U')
group by d.format, d.year
order by d.format, d.year
