-- Yearly sums kept up for the statistics. Nothing here is a truth of its own: each year can be summed again from the
-- doses with the same result. A year is held as of one load and moves forward only; the registry of any earlier instant
-- is summed from the doses.

create schema mart;

-- The load as of which a year's rows are held. load_id 0: a registry without any load yet.
create table mart.year (
    year smallint primary key,
    load_id integer not null
);

-- Sums by person, establishment, kind of result and place, as pipelines/statistics/facts.py names them.
create table mart.annual (
    person_id integer not null,
    establishment_id integer not null,
    records bigint not null,
    results bigint not null,
    usv bigint not null,
    kind smallint not null,
    place smallint not null,
    year smallint not null
) partition by list (year);

-- What each file of a year brought: measures by days from the end of the period to the reception. year is that of the
-- reception.
create table mart.delivered (
    submission_id integer not null,
    late integer not null,
    measures bigint not null,
    absent bigint not null,
    year smallint not null
) partition by list (year);

-- The partitions of a year, emptied or made.
create function mart.begin_year(year integer) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
    kind text;
begin
    if year not between 1 and 9999 then
        raise exception 'no such year: %', year;
    end if;
    foreach kind in array array['annual', 'delivered'] loop
        if to_regclass(format('mart.%I', kind || '_' || year)) is not null then
            execute format('truncate mart.%I', kind || '_' || year);
            continue;
        end if;
        execute format('create table mart.%I partition of mart.%I for values in (%s)', kind || '_' || year, kind, year);
    end loop;
end
$$;

-- Indexes and statistics, once a year's partitions are filled.
create function mart.fill_year(year integer) returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
    execute format('create index if not exists %I on mart.%I (person_id)', 'annual_' || year || '_person',
        'annual_' || year);
    execute format('create index if not exists %I on mart.%I (submission_id)', 'delivered_' || year || '_file',
        'delivered_' || year);
    execute format('analyze mart.%I', 'annual_' || year);
    execute format('analyze mart.%I', 'delivered_' || year);
end
$$;

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
    kind text;
begin
    execute format('grant usage on schema mart to %I, %I', loader, analyst);
    execute format('grant select, insert, update, delete on all tables in schema mart to %I', loader);
    execute format('grant select on all tables in schema mart to %I', analyst);
    execute 'revoke execute on all functions in schema mart from public';
    execute format('grant execute on function mart.begin_year, mart.fill_year to %I', loader);
    execute 'alter table mart.annual enable row level security';
    execute 'alter table mart.annual force row level security';
    execute format('create policy loads on mart.annual to %I using (true) with check (true)', loader);
    execute format('create policy reads on mart.annual for select to %I using (true)', analyst);
end
$$;

-- When a file was refused, asked for file by file.
create index load_refused on ledger.load (submission_id) where kind = 'refuse';
