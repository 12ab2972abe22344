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

-- name: amendment_table
create temp table if not exists amendment (
    entry_id integer not null,
    sealed bytea not null,
    waived bigint not null,
    person uuid,
    siret text collate "C",
    measure_ref text collate "C",
    measure_year smallint
) on commit delete rows;
truncate amendment;

-- name: amend
update queue.entry as e
set
    sealed = a.sealed, waived = a.waived, revision = e.revision + 1, person = a.person, siret = a.siret,
    measure_ref = a.measure_ref, measure_year = a.measure_year
from amendment as a
where e.entry_id = a.entry_id
