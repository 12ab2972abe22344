-- What a physician concluded on an exceedance, for who may see internal doses: the worker and the physician. A result
-- that a conclusion adjusted names its exceedance to them; to an adviser or a control agent it looks like any other.

-- The views of 0019_access.sql with that column at their end.
create or replace view access.passive with (security_barrier = true) as
select
    w.person_id,
    d.establishment_id,
    e.siret,
    d.quantity,
    d.location,
    d.dosimeter,
    d.start_day,
    d.end_day,
    d.state,
    d.value_usv,
    d.threshold_usv,
    p.code as sender,
    p.role as sender_role,
    g.recorded_at,
    case when t.profile in ('worker', 'physician') then d.adjusts end as adjusts
from access.shown() as t
cross join access.workers() as w
inner join dose.passive as d on w.worker_id = d.worker_id
inner join reference.establishment as e on d.establishment_id = e.establishment_id
inner join ledger.partner as p on d.sender_id = p.partner_id
inner join ledger.load as g on d.since_load = g.load_id
where
    d.until_load is null and (d.adjusts is null or not w.without_adjusted)
    and (w.at_establishment is null or d.establishment_id = w.at_establishment)
    and (
        w.single_since is null
        or (
            d.end_day > w.single_since
            and exists (
                select 1 from access.contracts() as c
                where
                    c.person_id = w.person_id and c.establishment_id = d.establishment_id
                    and d.start_day <= c.end_day and d.end_day >= c.start_day
            )
        )
    )
    and not exists (
        select 1 from access.set_aside() as k
        where k.sender_id = d.sender_id and k.measure_id = d.measure_id and d.year between k.year - 1 and k.year + 1
    );

create or replace view access.aircrew with (security_barrier = true) as
select
    w.person_id,
    d.establishment_id,
    e.siret,
    d.end_day,
    d.value_usv,
    d.flights,
    p.code as sender,
    g.recorded_at,
    case when t.profile in ('worker', 'physician') then d.adjusts end as adjusts
from access.shown() as t
cross join access.workers() as w
inner join dose.aircrew as d on w.worker_id = d.worker_id
inner join reference.establishment as e on d.establishment_id = e.establishment_id
inner join ledger.partner as p on d.sender_id = p.partner_id
inner join ledger.load as g on d.since_load = g.load_id
where
    d.until_load is null and (d.adjusts is null or not w.without_adjusted)
    and (w.at_establishment is null or d.establishment_id = w.at_establishment)
    and (
        w.single_since is null
        or (
            d.end_day > w.single_since
            and exists (
                select 1 from access.contracts() as c
                where
                    c.person_id = w.person_id and c.establishment_id = d.establishment_id
                    and date_trunc('month', d.end_day)::date <= c.end_day and d.end_day >= c.start_day
            )
        )
    );

create or replace view access.committed with (security_barrier = true) as
select
    w.person_id,
    d.establishment_id,
    e.siret,
    d.end_day,
    d.nuclide,
    d.value_usv,
    p.code as sender,
    g.recorded_at,
    d.adjusts
from access.shown() as t
cross join access.workers() as w
inner join dose.committed as d on w.worker_id = d.worker_id
inner join reference.establishment as e on d.establishment_id = e.establishment_id
inner join ledger.partner as p on d.sender_id = p.partner_id
inner join ledger.load as g on d.since_load = g.load_id
where
    d.until_load is null and t.profile in ('worker', 'physician')
    and (w.at_establishment is null or d.establishment_id = w.at_establishment);

-- Conclusions that hold.
create function access.conclusions()
returns table (exceedance_id integer, conclusion text, retained_usv bigint, concluded_on date)
language sql stable security definer rows 2 set search_path = pg_catalog, pg_temp as $$
    select c.exceedance_id, c.conclusion, c.value_usv, c.concluded_on
    from access.shown() as t
    inner join exposure.conclusion as c on c.until_load is null
    where
        t.profile in ('worker', 'physician')
        and exists (
            select 1
            from access.workers() as w
            inner join exposure.reckoning as r on w.worker_id = r.worker_id
            where r.exceedance_id = c.exceedance_id
        )
$$;

do $$
declare
    home text := current_database();
    keeper text := home || '_keeper';
begin
    execute 'revoke all on function access.conclusions from public';
    execute format('grant select on exposure.conclusion to %I', keeper);
    execute format('create policy keeps on exposure.conclusion for select to %I using (true)', keeper);
    execute format('grant create on schema access to %I', keeper);
    execute format('alter function access.conclusions owner to %I', keeper);
    execute format('revoke create on schema access from %I', keeper);
    execute format('grant execute on function access.conclusions to %I, %I', home || '_worker', home || '_physician');
end
$$;
