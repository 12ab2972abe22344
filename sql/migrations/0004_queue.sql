-- What waits. One entry per waiting row: why, for whom, since when. The row itself, as sent, is sealed
-- with the registry's key; fingerprints and SIRET say which reference it waits for. measure_ref holds
-- the key of a measure but for its person.

create schema queue;

create table queue.entry (
    entry_id integer generated always as identity primary key,
    submission_id integer not null references ledger.submission,
    line integer not null,
    partner_id integer not null references ledger.partner,
    format text not null,
    codes bigint not null,
    person uuid,
    siret text collate "C",
    quantity text not null,
    book_usv bigint not null,
    measure_ref text collate "C",
    measure_year smallint,
    sealed bytea not null,
    received_on date not null,
    since_load integer not null references ledger.load,
    until_load integer references ledger.load
);
create unique index entry_open on queue.entry (submission_id, line) where until_load is null;
create index entry_person on queue.entry (person) where until_load is null;
create index entry_siret on queue.entry (siret) where until_load is null;
create index entry_measure on queue.entry (format, measure_ref) where until_load is null;
create index entry_received on queue.entry (received_on) where until_load is null;
