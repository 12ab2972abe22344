-- What lies in the senders' retour/, since which day of the registry; and the log of what was removed there.

-- Notes, not history: a file that changes is noted anew. The name is kept as a digest, for it may hold anything.
create table ledger.kept_answer (
    partner_id integer not null references ledger.partner,
    name_digest bytea not null,
    mtime bigint not null,
    seen_on date not null,
    primary key (partner_id, name_digest)
);

-- One row per account and day on which something was removed, and one without account per look at all homes.
create table ledger.removal (
    removal_id integer generated always as identity primary key,
    rule text not null check (rule in ('RETOUR', 'PASSAGE')),
    partner_id integer references ledger.partner,
    registry_date date not null,
    files integer not null,
    done_at timestamptz not null default clock_timestamp(),
    check ((rule = 'PASSAGE') = (partner_id is null))
);

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
begin
    execute format('grant select, insert, update, delete on ledger.kept_answer to %I', loader);
    execute format('grant select, insert on ledger.removal to %I', loader);
    execute format('grant usage on all sequences in schema ledger to %I', loader);
    execute format('grant select on ledger.removal to %I', analyst);
end
$$;
