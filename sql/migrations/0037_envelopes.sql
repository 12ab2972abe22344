-- Files encrypted with age, to the registry and to its partners. Only public parts lie here: the registry's own
-- identities are in a file beside its key.

-- Keys of the registry. One that was replaced opens new files until its last day, and the archive for ever.
create table ledger.age_identity (
    recipient text collate "C" primary key check (recipient ~ '^age1[0-9a-z]{58}$'),
    made_at timestamptz not null default clock_timestamp(),
    until date
);
create unique index age_identity_current on ledger.age_identity ((true)) where until is null;
comment on column ledger.age_identity.until is 'the last day, included, on which a file may be encrypted to it';

-- Keys of partners: what is delivered to one is encrypted to all of its keys that are in force. The one without a last
-- day is there until the partner asks for answers in the clear, so that none goes out so because a day passed.
create table ledger.partner_age (
    partner_id integer not null references ledger.partner,
    recipient text collate "C" not null check (recipient ~ '^age1[0-9a-z]{58}$'),
    given_at timestamptz not null default clock_timestamp(),
    until date,
    primary key (partner_id, recipient)
);
create unique index partner_age_current on ledger.partner_age (partner_id) where until is null;

alter table ledger.partner add column age_only boolean not null default false;
comment on column ledger.partner.age_only is 'its files must come encrypted';

-- sha256 stays that of the bytes as they came, which are what the archive keeps.
alter table ledger.submission
add column clear_sha256 bytea check (length(clear_sha256) = 32),
add column age_recipient text collate "C" references ledger.age_identity,
add column age_fault text check (age_fault is null or state = 'REFUSE'),
add constraint submission_opened check ((clear_sha256 is null) = (age_recipient is null));
comment on column ledger.submission.clear_sha256 is 'of what the envelope held';
comment on column ledger.submission.age_recipient is 'the registry''s key that opened it';
comment on column ledger.submission.age_fault is 'why it is refused, where its envelope is the reason';

-- The same content encrypted twice is two different files: it is known again by what the envelope held.
drop index ledger.submission_same_bytes;
create index submission_same_bytes on ledger.submission (partner_id, coalesce(clear_sha256, sha256));
create index submission_age on ledger.submission (partner_id) where age_recipient is not null;

-- A row of an old registry that waits no more loses its content after its time, as one of the queue does.
alter table legacy.waiting
alter column sealed drop not null,
add column cleared_on date,
add constraint waiting_is_whole check ((sealed is null) = (cleared_on is not null)),
add constraint waiting_waits_whole check (sealed is not null or until_load is not null);
comment on column legacy.waiting.cleared_on is 'the registry''s date when the row as it came was removed';
create index waiting_uncleared on legacy.waiting (until_load) where until_load is not null and cleared_on is null;

-- Those of a migration that was taken back waited on; from now on its end is theirs (query take_back_waiting).
update legacy.waiting set until_load = (select max(l.load_id) from ledger.load as l)
where
    until_load is null and submission_id in (
        select p.submission_id
        from legacy.part as p
        inner join legacy.migration as m on p.migration_id = m.migration_id
        where m.state = 'ANNULEE'
    );

alter table ledger.removal
drop constraint removal_rule_check,
add constraint removal_rule_check check (
    rule in ('RETOUR', 'PASSAGE', 'ESSAIS', 'LIGNES', 'REPRISE', 'FICHIERS', 'COMPTES', 'CONTACTS', 'DEMANDES')
);
