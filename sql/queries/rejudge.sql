-- name: open
select
    e.entry_id, e.submission_id, e.line, e.format, e.partner_id, p.code, p.role, p.identifiant, e.received_on, e.codes,
    e.waived, e.revision, e.motive, s.dialect ->> 'record' is not null,
    case when %s then e.sealed else '' end
from queue.entry as e
inner join ledger.partner as p on e.partner_id = p.partner_id
inner join ledger.submission as s on e.submission_id = s.submission_id
where e.until_load is null and e.entry_id = any(%s)
order by e.entry_id

-- name: renewal_table
create temp table if not exists renewal (
    entry_id integer not null,
    amended boolean not null,
    sealed bytea not null,
    waived bigint not null,
    person uuid,
    siret text collate "C",
    measure_ref text collate "C",
    measure_year smallint
) on commit delete rows;
truncate renewal;

-- name: renew_keys
update queue.entry as e
set person = r.person, siret = r.siret, measure_ref = r.measure_ref, measure_year = r.measure_year
from renewal as r
where
    e.entry_id = r.entry_id
    and (e.person, e.siret, e.measure_ref, e.measure_year)
    is distinct from (r.person, r.siret, r.measure_ref, r.measure_year)

-- name: amend
update queue.entry as e
set sealed = r.sealed, waived = r.waived, revision = e.revision + 1
from renewal as r
where e.entry_id = r.entry_id and r.amended
