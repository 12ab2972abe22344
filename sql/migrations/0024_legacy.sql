-- The migration of an older registry: which parts were taken, what became of every row of them, what was repaired, and
-- what waits for an analyst. Rows of the old system are not rows of the exchange: many have no usable number, or a body
-- without an account, and none has a deadline. So they wait here and not in the queue, in groups that can be settled.

create schema legacy;

-- Only one migration is open at a time; an accepted one stands for ever, one taken back leaves closed versions behind.
create table legacy.migration (
    migration_id integer generated always as identity primary key,
    day date not null,
    state text not null default 'EN_COURS' check (state in ('EN_COURS', 'A_ACCEPTER', 'ACCEPTEE', 'ANNULEE')),
    began_at timestamptz not null default clock_timestamp(),
    decided_at timestamptz,
    decided_by text,
    check ((state in ('ACCEPTEE', 'ANNULEE')) = (decided_at is not null and decided_by is not null))
);
create unique index migration_open on legacy.migration ((true)) where state in ('EN_COURS', 'A_ACCEPTER');
comment on column legacy.migration.day is 'windows that end before it are history that nobody is told of';

-- A file that was wholly taken, in one transaction. Its bytes are in the archive under the submission.
create table legacy.part (
    submission_id integer primary key references ledger.submission,
    migration_id integer not null references legacy.migration,
    kind text not null,
    name text not null,
    sha256 bytea not null check (length(sha256) = 32),
    load_id integer not null references ledger.load,
    unique (migration_id, kind, name)
);
create index part_bytes on legacy.part (sha256);

-- Movements: rows and micro-sieverts that entered (or left, below zero) an outcome in a load. Their sums reconcile.
create table legacy.movement (
    submission_id integer not null references legacy.part,
    load_id integer not null references ledger.load,
    year smallint not null,
    quantity text not null,
    outcome text not null check (outcome in ('REPRIS', 'EN_ATTENTE', 'REFUSE', 'DOUBLON')),
    cause text not null,
    rows_moved integer not null,
    usv bigint not null
);
create index movement_part on legacy.movement (submission_id);
comment on column legacy.movement.year is 'civil year of the result, 0 where it cannot be read or there is none';

-- Who a worker of the old system is here; nobody while a cause holds.
create table legacy.worker (
    migration_id integer not null references legacy.migration,
    old_id bigint not null,
    worker_id integer references identity.worker,
    cause text,
    sealed bytea,
    submission_id integer not null references legacy.part,
    line integer not null,
    primary key (migration_id, old_id),
    check ((worker_id is null) = (cause is not null)),
    check ((worker_id is null) = (sealed is not null))
);

-- What was mended by rule; before and after are sealed, since they may be names or numbers of persons.
create table legacy.repair (
    submission_id integer not null references legacy.part,
    line integer not null,
    rule text not null,
    field text not null,
    before bytea not null,
    after bytea not null
);
create index repair_part on legacy.repair (submission_id);

-- Rows that could not be attached, as they came, sealed. code is the group in which one answer settles them.
create table legacy.waiting (
    entry_id bigint generated always as identity primary key,
    submission_id integer not null references legacy.part,
    line integer not null,
    kind text not null,
    cause text not null,
    code text not null,
    year smallint not null,
    quantity text not null,
    usv bigint not null,
    sealed bytea not null,
    since_load integer not null references ledger.load,
    until_load integer references ledger.load
);
create unique index waiting_row on legacy.waiting (submission_id, line) where until_load is null;
create index waiting_group on legacy.waiting (cause, code) where until_load is null;

-- Attachments whose trade is known by an old label only: it stands for several trades of today, or for none.
create table legacy.label (
    attachment_id integer not null references reference.attachment,
    valid_from date not null,
    label text not null,
    since_load integer not null references ledger.load,
    until_load integer references ledger.load,
    primary key (attachment_id, valid_from, since_load)
);
create index label_group on legacy.label (label) where until_load is null;

create table legacy.decision (
    decision_id integer generated always as identity primary key,
    load_id integer not null references ledger.load,
    code text not null,
    action text not null,
    rows_moved integer not null,
    motive text not null,
    decided_by text not null,
    decided_at timestamptz not null default clock_timestamp()
);

-- The account that brings the old registry's files: nobody logs in under it.
create function legacy.account() returns integer
language plpgsql security definer set search_path = pg_catalog as $$
declare
    number integer;
begin
    select partner_id into number from ledger.partner where code = 'REPRISE' and disabled_at is not null;
    if number is null then
        insert into ledger.partner (code, role, disabled_at) values ('REPRISE', 'GESTIONNAIRE', clock_timestamp())
        returning partner_id into number;
    end if;
    return number;
end
$$;

-- A partition of a year, made without indexes where missing: they are made at the end, from sorted rows. Gives its
-- name, and whether it has its indexes.
create function legacy.begin_partition(kind text, year integer, out part text, out indexed boolean)
language plpgsql security definer set search_path = pg_catalog as $$
begin
    if kind not in ('passive', 'operational', 'internal', 'committed', 'aircrew') or year not between 1 and 2200 then
        raise exception 'no such partition: % %', kind, year;
    end if;
    part := dose.partition_of(kind, year);
    if to_regclass(part) is null then
        execute format(
            'create table %s partition of dose.%I for values from (%s) to (%s)', part, kind,
            case when year < 1950 then 'minvalue' else year::text end,
            case when year < 1950 then '1950' else (year + 1)::text end
        );
        execute format('grant insert on %s to %I', part, current_database() || '_loader');
    end if;
    indexed := to_regclass(part || '_key') is not null;
end
$$;

-- Partitions without indexes, the largest first.
create function legacy.unfinished_partitions() returns setof text
language sql stable security definer set search_path = pg_catalog as $$
    select 'dose.' || c.relname
    from pg_class as p
    inner join pg_inherits as i on p.oid = i.inhparent
    inner join pg_class as c on i.inhrelid = c.oid
    where
        p.relnamespace = 'dose'::regnamespace
        and p.relname in ('passive', 'operational', 'internal', 'committed', 'aircrew')
        and to_regclass('dose.' || quote_ident(c.relname || '_key')) is null
    order by pg_relation_size(c.oid) desc, c.relname
$$;

-- Such a partition gets the indexes that dose.ensure_partition makes.
create function legacy.finish_partition(part text) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
    kind text := (regexp_match(part, '^dose\.([a-z]+)_(?:[0-9]+|before)$'))[1];
    short text;
    key text;
begin
    if not exists (select 1 from legacy.unfinished_partitions() as u (name) where u.name = part) then
        raise exception 'no such partition: %', part;
    end if;
    short := split_part(part, '.', 2);
    key := case when kind = 'operational' then 'worker_id, start_minute, key_digest' else 'sender_id, measure_id' end;
    perform set_config('maintenance_work_mem', '512MB', true);
    execute format(
        'create unique index %I on %s (%s%s) where until_load is null', short || '_key', part, key,
        case when short like '%_before' then ', year' else '' end);
    execute format('create index %I on %s (%s) where until_load is not null', short || '_past', part, key);
    if kind <> 'operational' then
        execute format('create index %I on %s (worker_id, end_day)', short || '_worker', part);
    end if;
    execute format('analyze %s', part);
end
$$;

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
begin
    execute format('grant usage on schema legacy to %I, %I', loader, analyst);
    execute format('grant select on all tables in schema legacy to %I, %I', loader, analyst);
    execute format('grant insert on all tables in schema legacy to %I', loader);
    execute format('grant update (state, decided_at, decided_by) on legacy.migration to %I', loader);
    execute format('grant update (worker_id, cause, sealed) on legacy.worker to %I', loader);
    execute format('grant update (until_load) on legacy.waiting to %I', loader);
    execute format('grant update (until_load) on legacy.label to %I', loader);
    execute 'revoke execute on all functions in schema legacy from public';
    execute format('grant execute on function legacy.account, legacy.begin_partition, legacy.unfinished_partitions,
        legacy.finish_partition to %I', loader);
end
$$;
