-- Accounts have days between which they are valid, and one that nobody uses is closed after a warning. Who is open
-- today is written down by the first pass of each day, so that every list and notice asks the same thing.

alter table ledger.partner
add column valid_from date,
add column valid_until date,
add column opened_on date,
add column last_login date,
add column warned_on date,
add column disabled_for text check (disabled_for in ('DEMANDE', 'INUTILISE')),
add column is_open boolean not null default true,
add constraint partner_days check (valid_from <= valid_until);
comment on column ledger.partner.valid_until is 'the last day, included';
comment on column ledger.partner.opened_on is 'the registry''s date when it was opened, or opened again, last';
comment on column ledger.partner.last_login is 'as the SFTP server noted it';
comment on column ledger.partner.warned_on is 'since when its retour/ says that it will be closed, unused';
comment on column ledger.partner.is_open is 'not disabled, and within its days as of the last pass';

update ledger.partner set is_open = false, disabled_for = 'DEMANDE'
where disabled_at is not null;

-- Whoever disables an account closes it.
create function ledger.disabled_is_closed() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if new.disabled_at is not null then
        new.is_open := false;
        new.disabled_for := coalesce(new.disabled_for, 'DEMANDE');
    end if;
    return new;
end
$$;
create trigger disabled_is_closed before insert or update on ledger.partner
for each row execute function ledger.disabled_is_closed();

-- The day on which an account was used last: a login, a file, or its opening. Days of the clock and of the registry
-- count alike, so that a registry replayed on past or future days closes nobody who sends.
create function ledger.last_use(one ledger.partner) returns date
language sql stable set search_path = pg_catalog, pg_temp as $$
    select greatest(
        one.opened_on, (one.created_at at time zone 'Europe/Paris')::date, one.last_login, s.on_day,
        (s.at_hour at time zone 'Europe/Paris')::date
    )
    from (
        select max(d.registry_date) as on_day, max(d.received_at) as at_hour
        from ledger.submission as d
        where d.partner_id = one.partner_id
    ) as s
$$;

-- Public keys, each a line of OpenSSH's authorized_keys with its end: what any machine of the registry publishes to the
-- SFTP server. The embedded server reads the same lines from files.
create table ledger.partner_key (
    partner_id integer not null references ledger.partner,
    name text collate "C" not null,
    line text not null,
    given_at timestamptz not null default clock_timestamp(),
    primary key (partner_id, name)
);

-- The day on which unused accounts were last looked for.
create table ledger.doors_look (
    only_one boolean primary key default true check (only_one),
    registry_date date not null
);

-- The establishments that an account's monthly lists speak of: the day one is its business no longer, they are made
-- anew.
create table ledger.list_told (
    partner_id integer not null references ledger.partner,
    siret text collate "C" not null,
    primary key (partner_id, siret)
);

-- A notice is taken out of retour/ the day nothing ties the account to its establishments any more.
alter table exposure.notice add column removed_at timestamptz;
create index notice_there on exposure.notice (partner_id) where told_at is not null and removed_at is null;
