-- Doses, in integer micro-sieverts, one table per format, partitioned by the civil year of the result's
-- day. A version is never changed: the load that replaces it closes it (until_load) and says why
-- (until_code C or A) and by which line. Keys are unique among current versions within a year.

create schema dose;

create table dose.passive (
    value_usv bigint,
    threshold_usv bigint,
    since_load integer not null,
    until_load integer,
    worker_id integer not null,
    establishment_id integer not null,
    sender_id integer not null,
    submission_id integer not null,
    line integer not null,
    until_submission_id integer,
    until_line integer,
    start_day date not null,
    end_day date not null,
    year smallint not null,
    quantity smallint not null,
    location smallint not null,
    dosimeter smallint not null,
    state smallint not null,
    until_code char(1),
    measure_id text collate "C" not null
) partition by range (year);

create table dose.operational (
    value_usv bigint not null,
    key_digest bigint not null,
    since_load integer not null,
    until_load integer,
    worker_id integer not null,
    establishment_id integer not null,
    sender_id integer not null,
    submission_id integer not null,
    line integer not null,
    until_submission_id integer,
    until_line integer,
    start_minute integer not null,
    end_minute integer not null,
    year smallint not null,
    quantity smallint not null,
    dosimeter smallint not null,
    until_code char(1),
    place text not null,
    zone text not null,
    activity text not null
) partition by range (year);

comment on column dose.operational.start_minute is 'minutes since 1970-01-01 00:00, civil time of the site';
comment on column dose.operational.key_digest is
'64 bits of SIRET, quantity, end, place and zone: with worker and start, the key of a passage';

-- Years before 1950 share one partition.
create function dose.partition_of(kind text, year integer) returns text
language sql immutable set search_path = pg_catalog as $$
    select 'dose.' || kind || case when year < 1950 then '_before' else '_' || year end
$$;

-- The partition of a year, made where missing. The caller may insert into it and nothing else.
create function dose.ensure_partition(kind text, year integer) returns text
language plpgsql security definer set search_path = pg_catalog as $$
declare
    part text := dose.partition_of(kind, year);
    short text := split_part(part, '.', 2);
    several text := case when year < 1950 then ', year' else '' end;
begin
    if kind not in ('passive', 'operational') or year not between 1 and 2200 then
        raise exception 'no such partition: % %', kind, year;
    end if;
    if to_regclass(part) is not null then
        return part;
    end if;
    execute format(
        'create table %s partition of dose.%I for values from (%s) to (%s)', part, kind,
        case when year < 1950 then 'minvalue' else year::text end,
        case when year < 1950 then '1950' else (year + 1)::text end
    );
    if kind = 'passive' then
        execute format(
            'create unique index %I on %s (sender_id, measure_id%s) where until_load is null',
            short || '_key', part, several);
        execute format(
            'create index %I on %s (sender_id, measure_id) where until_load is not null', short || '_past', part);
    else
        execute format(
            'create unique index %I on %s (worker_id, start_minute, key_digest%s) where until_load is null',
            short || '_key', part, several);
        execute format(
            'create index %I on %s (worker_id, start_minute, key_digest) where until_load is not null',
            short || '_past', part);
    end if;
    if kind = 'passive' then
        execute format('create index %I on %s (worker_id, end_day)', short || '_worker', part);
    end if;
    execute format('grant insert on %s to %I', part, current_database() || '_loader');
    return part;
end
$$;
