-- What is kept of a year for the statistics, in columns instead of rows: reading a million rows one by one took longer
-- than all the rest. Years kept so far are made anew when they are printed next.

drop function mart.begin_year, mart.fill_year;
drop table mart.annual, mart.delivered;
delete from mart.year;

-- Segment 0 of a year holds everybody; each further one whom (or which files) loads touched since the one before: it
-- replaces the rows of the keys in gone. kind: a format of doses, attachments or deliveries. rows: an Arrow file of the
-- columns that pipelines/statistics names; gone: keys, four bytes each.
create table mart.segment (
    year smallint not null references mart.year on delete cascade,
    number integer not null,
    kind text not null,
    gone bytea not null,
    rows bytea not null,
    primary key (year, number, kind)
);
-- The bytes are compressed already.
alter table mart.segment alter column rows set storage external;
alter table mart.segment alter column gone set storage external;

do $$
declare
    loader text := current_database() || '_loader';
begin
    execute 'alter table mart.segment enable row level security';
    execute 'alter table mart.segment force row level security';
    execute format('create policy loads on mart.segment to %I using (true) with check (true)', loader);
end
$$;

-- Whose attachment a load told anew, and who is under age: asked at every printing.
create index attachment_period_since on reference.attachment_period using brin (since_load) with (autosummarize = on);
create index attachment_status_since on reference.attachment_status using brin (since_load) with (autosummarize = on);
create index attachment_period_until on reference.attachment_period (until_load) where until_load is not null;
create index attachment_status_until on reference.attachment_status (until_load) where until_load is not null;
create index civil_birth on identity.civil (birth_day);

-- Belt dosimeters are few.
create index passive_belt on dose.passive (year, worker_id) where location = 1;
