-- Every format: analyses, committed and aircrew doses; what became of an identity; merges of persons;
-- what an analyst must look at besides waiting rows.

-- Two numbers found to be one person. The doses, attachments and identifiers of worker_id stay where
-- they are and are read as those of person_id; closing the row takes the merge back.
create table identity.alias (
    worker_id integer not null references identity.worker,
    person_id integer not null references identity.worker check (person_id <> worker_id),
    since_load integer not null references ledger.load,
    until_load integer references ledger.load,
    submission_id integer not null,
    line integer not null,
    primary key (worker_id, since_load, line)
);
create unique index alias_current on identity.alias (worker_id) where until_load is null;
create index alias_person on identity.alias (person_id) where until_load is null;

-- The person that each worker's number stands for now.
create view identity.person as
select
    w.worker_id,
    coalesce(a.person_id, w.worker_id) as person_id
from identity.worker as w
left join identity.alias as a on w.worker_id = a.worker_id and a.until_load is null;

-- What the social security's service said of an identity.
create table identity.verification (
    worker_id integer not null references identity.worker,
    state text not null check (state in ('CERTIFIE', 'REFUSE')),
    verified_on date not null,
    since_load integer not null references ledger.load,
    until_load integer references ledger.load,
    submission_id integer not null,
    line integer not null,
    primary key (worker_id, since_load, line)
);
create unique index verification_current on identity.verification (worker_id) where until_load is null;

-- Analyses: activities in nano-becquerel; measure_id is the analysis and its radionuclide, joined by "/".
create table dose.internal (
    value_usv bigint,
    activity_nbq bigint,
    limit_nbq bigint,
    since_load integer not null,
    until_load integer,
    worker_id integer not null,
    establishment_id integer not null,
    sender_id integer not null,
    submission_id integer not null,
    line integer not null,
    until_submission_id integer,
    until_line integer,
    end_day date not null,
    year smallint not null,
    exam smallint not null,
    unit smallint not null,
    state smallint not null,
    until_code char(1),
    nuclide text not null,
    measure_id text collate "C" not null
) partition by range (year);
comment on column dose.internal.value_usv is 'always null: an activity is no dose';

create table dose.committed (
    value_usv bigint not null,
    since_load integer not null,
    until_load integer,
    worker_id integer not null,
    establishment_id integer not null,
    sender_id integer not null,
    submission_id integer not null,
    line integer not null,
    until_submission_id integer,
    until_line integer,
    end_day date not null,
    year smallint not null,
    until_code char(1),
    physician text not null,
    nuclide text not null,
    measure_id text collate "C" not null
) partition by range (year);

create table dose.aircrew (
    value_usv bigint not null,
    flights integer,
    since_load integer not null,
    until_load integer,
    worker_id integer not null,
    establishment_id integer not null,
    sender_id integer not null,
    submission_id integer not null,
    line integer not null,
    until_submission_id integer,
    until_line integer,
    end_day date not null,
    year smallint not null,
    until_code char(1),
    measure_id text collate "C" not null
) partition by range (year);
comment on column dose.aircrew.end_day is 'last day of the month';

create or replace function dose.ensure_partition(kind text, year integer) returns text
language plpgsql security definer set search_path = pg_catalog as $$
declare
    part text := dose.partition_of(kind, year);
    short text := split_part(part, '.', 2);
    key text := case when kind = 'operational' then 'worker_id, start_minute, key_digest' else 'sender_id, measure_id' end;
    several text := case when year < 1950 then ', year' else '' end;
begin
    if kind not in ('passive', 'operational', 'internal', 'committed', 'aircrew') or year not between 1 and 2200 then
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
    execute format(
        'create unique index %I on %s (%s%s) where until_load is null', short || '_key', part, key, several);
    execute format('create index %I on %s (%s) where until_load is not null', short || '_past', part, key);
    if kind <> 'operational' then
        execute format('create index %I on %s (worker_id, end_day)', short || '_worker', part);
    end if;
    execute format('grant insert on %s to %I', part, current_database() || '_loader');
    return part;
end
$$;

-- Every version of every measure, in the columns that all share.
create view dose.every_version as
select
    'PASSIVE' as format,
    worker_id,
    establishment_id,
    sender_id,
    year,
    value_usv,
    submission_id,
    line,
    since_load,
    until_load,
    until_submission_id,
    until_line,
    until_code
from dose.passive
union all
select
    'OPERATIONNELLE' as format,
    worker_id,
    establishment_id,
    sender_id,
    year,
    value_usv,
    submission_id,
    line,
    since_load,
    until_load,
    until_submission_id,
    until_line,
    until_code
from dose.operational
union all
select
    'INTERNE' as format,
    worker_id,
    establishment_id,
    sender_id,
    year,
    value_usv,
    submission_id,
    line,
    since_load,
    until_load,
    until_submission_id,
    until_line,
    until_code
from dose.internal
union all
select
    'ENGAGEE' as format,
    worker_id,
    establishment_id,
    sender_id,
    year,
    value_usv,
    submission_id,
    line,
    since_load,
    until_load,
    until_submission_id,
    until_line,
    until_code
from dose.committed
union all
select
    'NAVIGANT' as format,
    worker_id,
    establishment_id,
    sender_id,
    year,
    value_usv,
    submission_id,
    line,
    since_load,
    until_load,
    until_submission_id,
    until_line,
    until_code
from dose.aircrew;

-- Bodies' results that a physician's correction stands in for: kept beside it, not counted.
create view dose.passive_set_aside as
select distinct
    b.sender_id,
    b.measure_id,
    b.year,
    b.submission_id,
    b.line
from dose.passive as m
inner join ledger.partner as p on m.sender_id = p.partner_id and p.role = 'MDT'
inner join ledger.partner as o on split_part(m.measure_id, '/', 1) = o.code and o.role = 'OA'
inner join dose.passive as b
    on
        o.partner_id = b.sender_id and substr(m.measure_id, strpos(m.measure_id, '/') + 1) = b.measure_id
        and b.year between m.year - 1 and m.year + 1 and b.until_load is null
where m.until_load is null and strpos(m.measure_id, '/') > 0;

-- Besides rows that wait: what an analyst must settle though nothing waits. motive is null for a waiting row.
alter table queue.entry add column motive text check (motive in ('CORRECTION_DU_MEDECIN', 'FUSION'));
drop index queue.entry_open;
create unique index entry_open on queue.entry (submission_id, line) where until_load is null and motive is null;

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
    kind text;
begin
    execute format('grant select on all tables in schema identity, dose to %I, %I', loader, analyst);
    execute format('grant insert on identity.alias, identity.verification to %I', loader);
    execute format('grant update (until_load) on identity.alias, identity.verification, identity.identifier to %I',
        loader);
    foreach kind in array array['internal', 'committed', 'aircrew'] loop
        execute format('grant update (until_load, until_submission_id, until_line, until_code) on dose.%I to %I',
            kind, loader);
        execute format('alter table dose.%I enable row level security', kind);
        execute format('alter table dose.%I force row level security', kind);
        execute format('create policy loads on dose.%I to %I using (true) with check (true)', kind, loader);
        execute format('create policy reads on dose.%I for select to %I using (true)', kind, analyst);
    end loop;
    execute 'alter view dose.every_version set (security_invoker = true)';
    execute 'alter view dose.passive_set_aside set (security_invoker = true)';
    execute 'alter view identity.person set (security_invoker = true)';
end
$$;
