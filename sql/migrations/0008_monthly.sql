-- What each account was given in its retour/ once a month. A list that has nothing to say is not there,
-- and its row tells that this month's was looked after all the same.

create table ledger.monthly_list (
    partner_id integer not null references ledger.partner,
    name text not null,
    month date not null check (extract(day from month) = 1),
    delivered_at timestamptz not null default clock_timestamp(),
    primary key (partner_id, name, month)
);

-- The identifiers of a worker now. Before, a table without statistics was read by way of all that is current.
drop index identity.identifier_worker;
create index identifier_worker on identity.identifier (worker_id) where until_load is null;

-- Which establishments designate a body.
create index designation_body on reference.designation (identifiant, role) where until_load is null;

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
begin
    execute format('grant select, insert on ledger.monthly_list to %I', loader);
    execute format('grant select on ledger.monthly_list to %I', analyst);
end
$$;
