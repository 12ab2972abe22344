-- Standing checks: what an analyst has seen of what they find. A finding is known by a digest of its control and
-- all its facts, so one whose facts change is another one and comes back. Nothing is overwritten: a remark ends.

create schema watch;

create table watch.remark (
    remark_id integer generated always as identity primary key,
    control text not null,
    finding text collate "C" not null check (finding ~ '^[0-9a-f]{32}$'),
    motive text not null,
    true_from date not null,
    made_by text not null,
    made_at timestamptz not null default clock_timestamp(),
    ended_by text,
    ended_at timestamptz,
    check ((ended_at is null) = (ended_by is null))
);
create unique index remark_current on watch.remark (control, finding) where ended_at is null;
comment on column watch.remark.true_from is 'the registry''s date on which the finding was explained';
comment on column watch.remark.made_at is 'when the registry learned of it; ended_at: until when it held it true';

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
begin
    execute format('grant usage on schema watch to %I, %I', loader, analyst);
    execute format('grant select on watch.remark to %I, %I', loader, analyst);
    execute format('grant insert, update (ended_by, ended_at) on watch.remark to %I', loader);
    execute format('grant usage on all sequences in schema watch to %I', loader);
end
$$;
