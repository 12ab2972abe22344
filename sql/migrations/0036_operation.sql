-- What operation needs to know of itself: when each kind of work was last done, what the nightly verification found,
-- which alerts are under way and when they were told. Counts, codes and times; nothing of persons.

create schema operation;

-- One row per kind of work (pipelines/signs.py): the last time that it was done to its end.
create table operation.sign (
    work text primary key check (work ~ '^[a-z]{1,30}$'),
    done_at timestamptz not null default clock_timestamp()
);

create table operation.verification (
    verification_id integer generated always as identity primary key,
    began_at timestamptz not null,
    ended_at timestamptz not null default clock_timestamp(),
    held integer not null check (held >= 0),
    broken integer not null check (broken >= 0),
    findings jsonb not null,
    check (began_at <= ended_at)
);
comment on column operation.verification.findings is 'as siseri verify --json gives them';

-- An alert lives from the first look that found it until some time after the last; told_at is empty where no mail went.
create table operation.alert (
    code text primary key check (code ~ '^[a-z]+(-[a-z]+)*$'),
    since_at timestamptz not null,
    seen_at timestamptz not null,
    told_at timestamptz
);
