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

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
    janitor text := current_database() || '_janitor';
begin
    execute format('grant usage on schema rights to %I, %I', loader, analyst);
    execute format('grant select on rights.request to %I, %I', loader, analyst);
    execute format('grant insert (kind, worker_id, person, sealed, received_on, due_on, submission_id, line, message_id,
        who) on rights.request to %I', loader);
    execute format('grant update (due_on, extended_on, extended_motive, extended_by, closed_on, outcome, motive,
        closed_by) on rights.request to %I', loader);

    -- No schema of doses, identities or exceedances, no delete but of notes, and no column beyond those that go.
    execute format('grant usage on schema ledger, queue, reference, legacy, rights to %I', janitor);
    execute format('grant select (load_id, recorded_at) on ledger.load to %I', janitor);
    execute format('grant select on ledger.partner, ledger.partner_siren, ledger.book, ledger.follow_up, ledger.removal
        to %I', janitor);
    execute format('grant select (submission_id, partner_id, file_name, drop_number, sha256, state, received_at,
        answered_at, registry_date, bytes_removed_on) on ledger.submission to %I', janitor);
    execute format('grant select (sha256, submission_id) on legacy.part to %I', janitor);
    execute format('grant select (entry_id, submission_id, line, partner_id, until_load, cleared_on, waived) on queue.entry
        to %I', janitor);
    execute format('grant select (decision_id, entry_id) on queue.decision_entry to %I', janitor);
    execute format('grant select (decision_id, decided_at) on queue.decision to %I', janitor);
    execute format('grant select (message_id, submission_id, line, kind, written_at, delivered_at, cleared_on)
        on queue.message to %I', janitor);
    execute format('grant select (establishment_id, role, identifiant, start_day, end_day, since_load, until_load, line,
        cleared_on) on reference.designation to %I', janitor);
    execute format('grant select (request_id, closed_on, cleared_on) on rights.request to %I', janitor);
    execute format('grant update (sealed, cleared_on) on queue.entry, queue.message, rights.request to %I', janitor);
    execute format('grant update (sealed_before) on queue.decision_entry to %I', janitor);
    execute format('grant update (value_sealed) on queue.decision to %I', janitor);
    execute format('grant update (bytes_removed_on) on ledger.submission to %I', janitor);
    execute format('grant update (identifiant) on ledger.partner to %I', janitor);
    execute format('grant update (last_name, first_name, email, cleared_on) on reference.designation to %I', janitor);
    execute format('grant insert (rule, partner_id, registry_date, files) on ledger.removal to %I', janitor);
    execute format('grant select on ledger.kept_answer to %I', janitor);
    execute format('grant delete on ledger.kept_answer to %I', janitor);
end
$$;
