-- What physicians conclude on exceedances, the results that they adjust thereby, and the day before which exceedances
-- are history that another registry had already dealt with.

-- A result that a conclusion adjusted has a version of its own, brought by the conclusion's line; the version it stands
-- for is closed with the code M. What the sender says of that measure later is kept as a version closed likewise.
alter table dose.passive add column adjusts integer;
alter table dose.internal add column adjusts integer;
alter table dose.committed add column adjusts integer;
alter table dose.aircrew add column adjusts integer;
comment on column dose.passive.adjusts is 'the exceedance whose conclusion brought this version, else null';
comment on column dose.internal.adjusts is 'always null: an activity is no dose';
comment on column dose.committed.adjusts is 'the exceedance whose conclusion brought this version, else null';
comment on column dose.aircrew.adjusts is 'the exceedance whose conclusion brought this version, else null';
create index passive_adjusting on dose.passive (sender_id, measure_id) where until_load is null and adjusts is not null;
create index committed_adjusting on dose.committed (sender_id, measure_id)
where until_load is null and adjusts is not null;
create index aircrew_adjusting on dose.aircrew (sender_id, measure_id) where until_load is null and adjusts is not null;

-- In force until the exceedance re-opens or lapses.
create table exposure.conclusion (
    exceedance_id integer not null references exposure.exceedance,
    conclusion text not null check (conclusion in ('MAINTENUE', 'MODIFIEE', 'ANNULEE')),
    value_usv bigint check ((value_usv is null) = (conclusion <> 'MODIFIEE')),
    standing_usv bigint check ((standing_usv is null) = (conclusion = 'MAINTENUE')),
    concluded_on date not null,
    physician text collate "C" not null,
    remark bytea,
    submission_id integer not null,
    line integer not null,
    since_load integer not null references ledger.load,
    until_load integer references ledger.load,
    primary key (exceedance_id, since_load)
);
create unique index conclusion_current on exposure.conclusion (exceedance_id) where until_load is null;
comment on column exposure.conclusion.value_usv is 'VALEUR_RETENUE';
comment on column exposure.conclusion.standing_usv is
'the highest sum of the run that still exceeds after the adjustment, 0 where none does: it re-opens above this';
comment on column exposure.conclusion.physician is 'RPPS';
comment on column exposure.conclusion.remark is 'COMMENTAIRE, sealed';

-- The day of the legacy migration; no row before there was one.
create table exposure.legacy (
    day date not null,
    since_load integer primary key references ledger.load,
    until_load integer references ledger.load
);
create unique index legacy_current on exposure.legacy ((true)) where until_load is null;

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
    kind text;
begin
    execute format('grant select on exposure.conclusion, exposure.legacy to %I, %I', loader, analyst);
    execute format('grant insert, update (until_load) on exposure.conclusion, exposure.legacy to %I', loader);
    foreach kind in array array['conclusion'] loop
        execute format('alter table exposure.%I enable row level security', kind);
        execute format('alter table exposure.%I force row level security', kind);
        execute format('create policy loads on exposure.%I to %I using (true) with check (true)', kind, loader);
        execute format('create policy reads on exposure.%I for select to %I using (true)', kind, analyst);
    end loop;
end
$$;
