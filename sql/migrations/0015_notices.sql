-- Notices of exceedances: who was told what, and when. What a notice says is sealed with it, so that it is delivered as
-- it was decided, whatever has been loaded since.

create table exposure.notice (
    notice_id integer generated always as identity primary key,
    exceedance_id integer not null references exposure.exceedance,
    state text not null check (
        state in ('NOTIFIE', 'MAINTENU', 'MODIFIE', 'ANNULE', 'RETENU_PAR_DEFAUT', 'CADUC')
    ),
    partner_id integer not null references ledger.partner,
    audience text not null check (audience in ('MDT', 'CRP', 'EMPLOYEUR', 'DGT', 'DSND')),
    revision smallint not null check (revision > 0),
    file_name text collate "C" not null,
    withdrawn boolean not null,
    establishments integer[] not null,
    digest uuid not null,
    sealed bytea not null,
    since_load integer not null references ledger.load,
    told_at timestamptz,
    unique (exceedance_id, partner_id, state, revision)
);
create index notice_owed on exposure.notice (notice_id) where told_at is null;
comment on column exposure.notice.revision is 'how often this account was told of this state, this time included';
comment on column exposure.notice.file_name is 'without its extension: one .json, one .html';
comment on column exposure.notice.withdrawn is 'says only that what was told before holds no longer for this account';
comment on column exposure.notice.establishments is 'by which the account is concerned';
comment on column exposure.notice.digest is 'keyed: what the reader sees; the same again is not told again';
comment on column exposure.notice.told_at is 'when it lay in the account''s retour/; none yet: owed';

-- Exceedances that no physician can be told of: none is designated, or the one designated has no account.
create table exposure.without_physician (
    exceedance_id integer not null references exposure.exceedance,
    reason text not null check (reason in ('SANS_MDT', 'SANS_COMPTE')),
    since_load integer not null references ledger.load,
    until_load integer references ledger.load,
    primary key (exceedance_id, since_load)
);
create unique index without_physician_current on exposure.without_physician (exceedance_id)
where until_load is null;

-- What the last look at all notices had seen; while none of it changes, there is nothing to decide.
create table exposure.telling (
    only_one boolean primary key default true check (only_one),
    load_id integer not null,
    registry_date date not null,
    accounts uuid not null
);

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
    kind text;
begin
    execute format('grant select on exposure.notice, exposure.without_physician to %I, %I', loader, analyst);
    execute format('grant insert on exposure.notice, exposure.without_physician to %I', loader);
    execute format('grant update (told_at) on exposure.notice to %I', loader);
    execute format('grant update (until_load) on exposure.without_physician to %I', loader);
    execute format('grant select, insert, update on exposure.telling to %I', loader);
    execute format('grant usage on all sequences in schema exposure to %I', loader);
    foreach kind in array array['notice', 'without_physician'] loop
        execute format('alter table exposure.%I enable row level security', kind);
        execute format('alter table exposure.%I force row level security', kind);
        execute format('create policy loads on exposure.%I to %I using (true) with check (true)', kind, loader);
        execute format('create policy reads on exposure.%I for select to %I using (true)', kind, analyst);
    end loop;
end
$$;
