-- What is kept how long: the rules (schemas/retention.py) are carried out by a role that can reach nothing else.
-- And the requests of persons for access or rectification, with their deadline.

-- A row that left the queue loses its content after its time. One that waits cannot: the check holds whoever writes.
alter table queue.entry
alter column sealed drop not null,
add column cleared_on date,
add constraint entry_is_whole check ((sealed is null) = (cleared_on is not null)),
add constraint entry_waits_whole check (sealed is not null or until_load is not null);
comment on column queue.entry.cleared_on is 'the registry''s date when the row as sent was removed';

create or replace function queue.amendment_is_counted() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
    -- Removal after its time is no amendment: nothing else of the row moves with it.
    if new.sealed is null and old.until_load is not null and new.waived = old.waived then
        return new;
    end if;
    if new.revision <> old.revision + 1 then
        raise exception 'a waiting row is amended by a decision only';
    end if;
    return new;
end
$$;
create index entry_uncleared on queue.entry (until_load) where until_load is not null and cleared_on is null;

-- What was said of such a row goes with it: its content before a decision, the value typed in, questions and answers.
alter table queue.message
alter column sealed drop not null,
add column cleared_on date,
add constraint message_is_whole check ((sealed is null) = (cleared_on is not null)),
add constraint message_owed_whole check (sealed is not null or kind = 'REPONSE' or delivered_at is not null);

-- The bytes of a file of which no row ever integrated are removed; the ledger keeps what became of them.
alter table ledger.submission add column bytes_removed_on date check (bytes_removed_on is null or state <> 'RECU');

create index submission_bytes on ledger.submission (sha256) where bytes_removed_on is null;

alter table reference.designation add column cleared_on date;
comment on column reference.designation.cleared_on is 'the registry''s date when name and address were removed';

-- A person asks for what is held on it, or that it be put right. Number and words are sealed; the deadline is a month,
-- once longer by two (article 12 of the general regulation). Who must mend is who declared: the registry passes it on.
create schema rights;
create table rights.request (
    request_id integer generated always as identity primary key,
    kind text not null check (kind in ('ACCES', 'RECTIFICATION')),
    worker_id integer references identity.worker,
    person uuid not null,
    sealed bytea,
    received_on date not null,
    due_on date not null check (due_on > received_on),
    submission_id integer references ledger.submission,
    line integer,
    message_id integer references queue.message,
    who text not null,
    recorded_at timestamptz not null default clock_timestamp(),
    extended_on date,
    extended_motive text,
    extended_by text,
    closed_on date,
    outcome text check (outcome in ('COMMUNIQUEE', 'RECTIFIEE', 'REFUSEE', 'SANS_OBJET')),
    motive text,
    closed_by text,
    cleared_on date,
    check ((submission_id is null) = (line is null)),
    check ((extended_on is null) = (extended_motive is null) and (extended_on is null) = (extended_by is null)),
    check ((closed_on is null) = (outcome is null) and (closed_on is null) = (motive is null)),
    check ((closed_on is null) = (closed_by is null)),
    check ((sealed is null) = (cleared_on is not null)),
    check (sealed is not null or closed_on is not null)
);
create index request_open on rights.request (due_on) where closed_on is null;
create index request_worker on rights.request (worker_id);

alter table ledger.removal
drop constraint removal_rule_check,
drop constraint removal_check,
add constraint removal_rule_check check (
    rule in ('RETOUR', 'PASSAGE', 'ESSAIS', 'LIGNES', 'FICHIERS', 'COMPTES', 'CONTACTS', 'DEMANDES')
),
add constraint removal_check check (rule <> 'PASSAGE' or partner_id is null);
comment on column ledger.removal.files is 'files or records, as the rule counts them';
