-- What the public was shown of a year: every figure about persons, or that it was withheld. Further editions of the
-- year are made with it in view, so that two of them tell no more than one.
create table ledger.public_edition (
    year smallint not null,
    scope text not null,
    as_of_load integer not null,
    shown jsonb not null,
    reasons jsonb not null,
    made_at timestamptz not null default clock_timestamp(),
    primary key (year, scope, as_of_load)
);
comment on column ledger.public_edition.shown is 'figure by name of the cell; null: withheld';
comment on column ledger.public_edition.reasons is 'why each withheld figure is';

do $$
declare
    loader text := current_database() || '_loader';
begin
    execute format('grant select, insert on ledger.public_edition to %I', loader);
end
$$;
