-- Extracts handed to research: each one noted before anything is handed over, and never changed.

create table audit.research_export (
    export_id integer generated always as identity primary key,
    made_at timestamptz not null default clock_timestamp(),
    who text not null,
    agreement text not null,
    holder text not null,
    agreement_sha256 text not null check (agreement_sha256 ~ '^[0-9a-f]{64}$'),
    manifest_sha256 text not null check (manifest_sha256 ~ '^[0-9a-f]{64}$'),
    load_id integer not null,
    first_day date not null,
    last_day date not null,
    persons integer not null,
    results bigint not null
);
comment on column audit.research_export.load_id is 'the last load that the extract saw: as of when it holds';

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
begin
    execute format('grant select, insert on audit.research_export to %I', loader);
    execute format('grant select on audit.research_export to %I', analyst);
end
$$;
