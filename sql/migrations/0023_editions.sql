-- Editions of the yearly statistics: what was published of a year, as the registry stood when. The tables follow from
-- year, instant and scope; their hashes stand in the manifest: an edition can be made again and held against it.

create table ledger.edition (
    edition_id integer generated always as identity primary key,
    kind text not null check (kind in ('MENSUELLE', 'ANNUELLE')),
    year smallint not null,
    month date check (extract(day from month) = 1),
    scope text not null,
    number integer not null check (number > 0),
    previous_id integer references ledger.edition,
    as_of_load integer not null references ledger.load,
    as_of timestamptz not null,
    manifest jsonb not null,
    changes jsonb not null,
    proposed_by text not null,
    proposed_at timestamptz not null default clock_timestamp(),
    decided_by text,
    decided_at timestamptz,
    approved boolean,
    motive text,
    unique (kind, year, month, scope, number),
    check ((kind = 'MENSUELLE') = (month is not null)),
    check ((decided_at is null) = (decided_by is null) and (decided_at is null) = (approved is null)),
    check (approved or approved is null or motive is not null)
);
comment on column ledger.edition.number is 'of the year and scope (ANNUELLE), of the month and scope (MENSUELLE)';
comment on column ledger.edition.changes is 'what came since the edition before, counted by cause';
-- A year waits for one answer at a time.
create unique index edition_undecided on ledger.edition (year, scope) where kind = 'ANNUELLE' and decided_at is null;

create table ledger.edition_delivery (
    edition_id integer not null references ledger.edition,
    partner_id integer not null references ledger.partner,
    delivered_at timestamptz not null default clock_timestamp(),
    primary key (edition_id, partner_id)
);

-- Published is published: only the answer of an undecided edition may be written.
create function ledger.edition_is_kept() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
    if old.decided_at is not null then
        raise exception 'edition % was decided on and is kept as it is', old.edition_id;
    end if;
    return new;
end
$$;
create trigger edition_is_kept before update on ledger.edition for each row execute function ledger.edition_is_kept();

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
begin
    execute format('grant select, insert on ledger.edition, ledger.edition_delivery to %I', loader);
    execute format('grant update (decided_by, decided_at, approved, motive) on ledger.edition to %I', loader);
    execute format('grant usage on all sequences in schema ledger to %I', loader);
    execute 'revoke execute on function ledger.edition_is_kept from public';
    execute format('grant select on ledger.edition, ledger.edition_delivery to %I', analyst);
end
$$;
