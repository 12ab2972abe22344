-- Exceedances: what was found, how it is reckoned, in which state it stands. Two times as everywhere: a window and a
-- state say when they are true, since_load and until_load when the registry held them true. Nothing is overwritten.

create schema exposure;

-- One for ever for each run of result days above a limit. worker_id is the person's number when it was found.
create table exposure.exceedance (
    exceedance_id integer generated always as identity primary key,
    worker_id integer not null references identity.worker,
    limit_code text collate "C" not null,
    place smallint not null,
    since_load integer not null references ledger.load
);
create index exceedance_worker on exposure.exceedance (worker_id);
comment on column exposure.exceedance.limit_code is 'a code of schemas/data/limites.csv';
comment on column exposure.exceedance.place is 'position of LOCALISATION for skin and extremities, else -1';

-- What the arithmetic gives: the run, and the window of the day of its highest sum. None is current once the
-- exceedance no longer holds. worker_id is the person's number at the time of the reckoning.
create table exposure.reckoning (
    exceedance_id integer not null references exposure.exceedance,
    worker_id integer not null references identity.worker,
    establishment_id integer not null references reference.establishment,
    value_usv bigint not null,
    first_day date not null,
    last_day date not null check (last_day >= first_day),
    window_start date not null,
    window_end date not null check (window_end between first_day and last_day and window_end >= window_start),
    since_load integer not null references ledger.load,
    until_load integer references ledger.load,
    primary key (exceedance_id, since_load)
);
create unique index reckoning_current on exposure.reckoning (exceedance_id) where until_load is null;
create index reckoning_worker on exposure.reckoning (worker_id);

-- States, each from the registry's date on which it became true.
create table exposure.state (
    exceedance_id integer not null references exposure.exceedance,
    state text not null check (
        state in (
            'DETECTE', 'NOTIFIE', 'MAINTENU', 'MODIFIE', 'ANNULE', 'RETENU_PAR_DEFAUT', 'CADUC', 'REPRISE'
        )
    ),
    valid_from date not null,
    since_load integer not null references ledger.load,
    until_load integer references ledger.load,
    primary key (exceedance_id, since_load)
);
create unique index state_current on exposure.state (exceedance_id) where until_load is null;

-- Each detection. What was loaded after the last one has not been looked at yet.
create table exposure.detection (
    load_id integer primary key references ledger.load,
    persons integer not null,
    opened integer not null,
    changed integer not null,
    lapsed integer not null
);

-- Physicians' corrections, few among all measures: what dose.passive_set_aside begins with.
create index passive_corrections on dose.passive (sender_id)
where until_load is null and strpos(measure_id, '/') > 0;

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
    kind text;
begin
    execute format('grant usage on schema exposure to %I, %I', loader, analyst);
    execute format('grant select on all tables in schema exposure to %I, %I', loader, analyst);
    execute format('grant insert on all tables in schema exposure to %I', loader);
    execute format('grant update (until_load) on exposure.reckoning, exposure.state to %I', loader);
    execute format('grant usage on all sequences in schema exposure to %I', loader);
    foreach kind in array array['exceedance', 'reckoning', 'state'] loop
        execute format('alter table exposure.%I enable row level security', kind);
        execute format('alter table exposure.%I force row level security', kind);
        execute format('create policy loads on exposure.%I to %I using (true) with check (true)', kind, loader);
        execute format('create policy reads on exposure.%I for select to %I using (true)', kind, analyst);
    end loop;
end
$$;
