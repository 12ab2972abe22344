-- What a physician concluded on an exceedance, for who may see internal doses: the worker and the physician. A result
-- that a conclusion adjusted names its exceedance to them; to an adviser or a control agent it looks like any other.
-- And what a monthly list told that holds no longer.

-- The views of 0019_access.sql with two columns at their end: what a result's versions share, and that exceedance.
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
    d.measure_id,
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
    d.measure_id,
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
    d.adjusts,
    d.measure_id
from access.shown() as t
cross join access.workers() as w
inner join dose.committed as d on w.worker_id = d.worker_id
inner join reference.establishment as e on d.establishment_id = e.establishment_id
inner join ledger.partner as p on d.sender_id = p.partner_id
inner join ledger.load as g on d.since_load = g.load_id
where
    d.until_load is null and t.profile in ('worker', 'physician')
    and (w.at_establishment is null or d.establishment_id = w.at_establishment);

create or replace view access.internal with (security_barrier = true) as
select
    w.person_id,
    d.establishment_id,
    e.siret,
    d.end_day,
    d.exam,
    d.nuclide,
    d.unit,
    d.state,
    d.activity_nbq,
    d.limit_nbq,
    p.code as sender,
    g.recorded_at,
    d.measure_id
from access.shown() as t
cross join access.workers() as w
inner join dose.internal as d on w.worker_id = d.worker_id
inner join reference.establishment as e on d.establishment_id = e.establishment_id
inner join ledger.partner as p on d.sender_id = p.partner_id
inner join ledger.load as g on d.since_load = g.load_id
where
    d.until_load is null and t.profile in ('worker', 'physician')
    and (w.at_establishment is null or d.establishment_id = w.at_establishment);

-- Versions of results that ended after an hour, as the session's ticket would have shown them: what a list told before
-- and what no longer holds as it was told. Not: a body's result that a physician's stands in for, nor, for who may not
-- see internal doses, what a conclusion adjusted of a person who had one.
create function access.ended(since_hour timestamptz)
returns table (
    person_id integer, format text, siret text, quantity smallint, location smallint, dosimeter smallint,
    start_at timestamp, end_at timestamp, nuclide text, spot text, sender text, measure_id text,
    recorded_at timestamptz
)
language sql stable security definer rows 10 set search_path = pg_catalog, pg_temp as $$
    with late as (
        select l.load_id from ledger.load as l where l.recorded_at > since_hour
    ),
    ended as (
        select
            w.person_id, w.single_since, w.at_establishment, 'PASSIVE' as format, d.establishment_id, d.sender_id, d.since_load, d.quantity, d.location,
            d.dosimeter, d.start_day::timestamp as start_at, d.end_day::timestamp as end_at, null as nuclide,
            '' as spot, d.measure_id
        from access.workers() as w
        inner join dose.passive as d on w.worker_id = d.worker_id
        where
            d.until_load in (select l.load_id from late as l)
            and not (w.without_adjusted and (d.adjusts is not null or d.until_code = 'M'))
            and not exists (
                select 1 from access.set_aside() as k
                where
                    k.sender_id = d.sender_id and k.measure_id = d.measure_id
                    and d.year between k.year - 1 and k.year + 1
            )
        union all
        select
            w.person_id, w.single_since, w.at_establishment, 'NAVIGANT', d.establishment_id, d.sender_id, d.since_load, null, null, null,
            date_trunc('month', d.end_day), d.end_day::timestamp, null, '', d.measure_id
        from access.workers() as w
        inner join dose.aircrew as d on w.worker_id = d.worker_id
        where
            d.until_load in (select l.load_id from late as l)
            and not (w.without_adjusted and (d.adjusts is not null or d.until_code = 'M'))
        union all
        select
            w.person_id, w.single_since, w.at_establishment, 'OPERATIONNELLE', d.establishment_id, d.sender_id, d.since_load, d.quantity, null, d.dosimeter,
            timestamp '1970-01-01' + d.start_minute * interval '1 minute',
            timestamp '1970-01-01' + d.end_minute * interval '1 minute', null, trim(d.place || ' ' || d.zone), ''
        from access.workers() as w
        inner join dose.operational as d on w.worker_id = d.worker_id
        where d.until_load in (select l.load_id from late as l)
        union all
        select
            w.person_id, w.single_since, w.at_establishment, 'INTERNE', d.establishment_id, d.sender_id, d.since_load, d.exam, null, null, d.end_day::timestamp,
            d.end_day::timestamp, d.nuclide, '', d.measure_id
        from access.shown() as t
        cross join access.workers() as w
        inner join dose.internal as d on w.worker_id = d.worker_id
        where t.profile in ('worker', 'physician') and d.until_load in (select l.load_id from late as l)
        union all
        select
            w.person_id, w.single_since, w.at_establishment, 'ENGAGEE', d.establishment_id, d.sender_id, d.since_load, null, null, null, d.end_day::timestamp,
            d.end_day::timestamp, d.nuclide, '', d.measure_id
        from access.shown() as t
        cross join access.workers() as w
        inner join dose.committed as d on w.worker_id = d.worker_id
        where t.profile in ('worker', 'physician') and d.until_load in (select l.load_id from late as l)
    )
    select
        d.person_id, d.format, e.siret, d.quantity, d.location, d.dosimeter, d.start_at, d.end_at, d.nuclide,
        d.spot, p.code, d.measure_id, g.recorded_at
    from ended as d
    inner join reference.establishment as e on d.establishment_id = e.establishment_id
    inner join ledger.partner as p on d.sender_id = p.partner_id
    inner join ledger.load as g on d.since_load = g.load_id
    where
        (d.at_establishment is null or d.establishment_id = d.at_establishment)
        and (
            d.single_since is null
            or (
                d.end_at::date > d.single_since
                and exists (
                    select 1 from access.contracts() as c
                    where
                        c.person_id = d.person_id and c.establishment_id = d.establishment_id
                        and d.start_at::date <= c.end_day and d.end_at::date >= c.start_day
                )
            )
        )
$$;

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
    execute format('create policy keeps on exposure.conclusion for select to %I using (true)', keeper);
    execute format('grant create on schema access to %I', keeper);
    execute format('alter function access.conclusions owner to %I', keeper);
    execute format('alter function access.ended owner to %I', keeper);
    execute format('revoke create on schema access from %I', keeper);
end
$$;
