-- The registry's key is exchanged in steps, each of which a killed command leaves whole: what has been done so far, and
-- which fingerprint each one becomes. No key and nothing sealed lies here; the mapping goes with the exchange.

create schema keyring;

create table keyring.rotation (
    rotation_id integer generated always as identity primary key,
    began_at timestamptz not null default clock_timestamp(),
    began_by text not null,
    old_check text not null,
    new_check text not null check (new_check <> old_check),
    exchanged_at timestamptz,
    prints integer not null default 0,
    orphans integer not null default 0,
    done_at timestamptz check (done_at is null or exchanged_at is not null)
);
create unique index rotation_under_way on keyring.rotation ((true)) where done_at is null;
comment on column keyring.rotation.prints is 'fingerprints computed again';
comment on column keyring.rotation.orphans is 'those whose number is sealed nowhere: they got one that means nobody';

-- old_print is a fingerprint under the key before, new_print under the one that follows.
create table keyring.print (
    old_print uuid primary key,
    new_print uuid not null
);

-- How far a place was worked through: the key of its last row, how many values were sealed anew.
create table keyring.progress (
    place text primary key,
    last_key jsonb,
    done_rows bigint not null default 0,
    finished boolean not null default false
);

-- Each repair by a number of its own, so that a step knows where the one before ended.
alter table legacy.repair add column repair_id bigint generated always as identity primary key;
