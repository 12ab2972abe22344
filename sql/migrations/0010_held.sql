-- Files that wait for a person's yes: a whole file, taken and receipted, of which nothing counts yet.
-- Held is: held_at set, neither accepted_at nor declined_at. A file is held once at most.

alter table ledger.submission
add column held_at timestamptz,
add column held_share numeric(5, 4) check (held_share > 0 and held_share <= 1),
add column held_figures jsonb,
add column asked_at timestamptz,
add column asked_run text,
add column accepted_by text,
add column accepted_at timestamptz,
add column declined_by text,
add column declined_at timestamptz,
add column declined_motive text,
add check ((held_at is null) = (held_share is null) and (held_at is null) = (held_figures is null)),
add check ((asked_at is null) = (asked_run is null)),
add check ((accepted_at is null) = (accepted_by is null)),
add check ((declined_at is null) = (declined_by is null) and (declined_at is null) = (declined_motive is null)),
add check (held_at is not null or (asked_at is null and accepted_at is null and declined_at is null)),
add check (accepted_at is null or declined_at is null),
add check (declined_at is null or state = 'REFUSE'),
add check (held_at is null or state <> 'TRAITE' or accepted_at is not null);

comment on column ledger.submission.held_share is 'rows waiting or rejected, over the rows received';
comment on column ledger.submission.held_figures is
'rows by outcome and by code, as the integration that was rolled back had them';
comment on column ledger.submission.asked_run is 'the Airflow run that put the question';

create index submission_held on ledger.submission (held_at)
where held_at is not null and accepted_at is null and declined_at is null;

do $$
declare
    loader text := current_database() || '_loader';
begin
    -- The analyst's profile reads the whole table already.
    execute format(
        'grant update (held_at, held_share, held_figures, asked_at, asked_run, accepted_by, accepted_at,
            declined_by, declined_at, declined_motive) on ledger.submission to %I', loader);
end
$$;
