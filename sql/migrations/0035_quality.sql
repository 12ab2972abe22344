-- Quality of what came in: what each month gave (one measure a promise and a subject), and whether the promises of
-- schemas/data/promesses.csv held. A subject is a sender, a role, a quantity, a domain, or the registry: no person, and
-- no figure about fewer than eleven rows, files or workers.

create schema quality;

-- A month was counted. whole: after its end; what it gave is then the past of the months after it.
create table quality.run (
    run_id integer generated always as identity primary key,
    month date not null check (extract(day from month) = 1),
    whole boolean not null,
    registry_date date not null,
    made_at timestamptz not null default clock_timestamp()
);
create index run_month on quality.run (month, run_id);

-- The last count of each month. usual: what the subject gave before; gap: what is held against the promise's bounds,
-- null where there is nothing to hold it against.
create table quality.measure (
    month date not null,
    promise text collate "C" not null,
    subject text collate "C" not null,
    base bigint not null,
    value numeric not null,
    usual numeric,
    gap numeric,
    run_id integer not null references quality.run,
    primary key (month, promise, subject),
    constraint no_measure_of_few check (base >= 11)
);
comment on column quality.measure.base is 'rows, files, results or workers that the value is about';

-- What was said of each promise, at every run: broken names the subjects.
create table quality.verdict (
    run_id integer not null references quality.run,
    promise text collate "C" not null,
    judged integer not null,
    held boolean not null,
    broken text[] not null,
    primary key (run_id, promise),
    check (held = (cardinality(broken) = 0)),
    check (cardinality(broken) <= judged)
);
