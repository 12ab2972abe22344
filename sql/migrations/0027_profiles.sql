-- Profiles for what the corridor and the analysts need not do: statistics, research, an establishment's report, the
-- authorities, administration. Which profile has which rights on which object stands in schemas/data/droits.csv, which
-- init carries out after the migrations; here are the rows that each may see, and what each reads through.

-- The figures of one establishment's report, as the database took them in: the report is written by a profile that
-- reads nothing else. figure null: withheld. workers: how many the figure is about; own: of the establishment.
create table mart.comparison (
    report uuid not null,
    sheet text not null,
    code text not null,
    own boolean not null,
    column_name text not null,
    place integer not null,
    label text not null,
    establishment_id integer not null,
    year smallint not null,
    load_id integer not null,
    list text,
    workers integer not null check (workers >= 0),
    figure text,
    made_at timestamptz not null default clock_timestamp(),
    primary key (report, sheet, code, own, column_name),
    -- Of nobody there is no figure but nothing, of few there is none.
    constraint no_figure_of_few check (
        figure is null or workers >= 11 or (workers = 0 and figure ~ '^[0.]*$')
    )
);
comment on column mart.comparison.list is 'the code list of code, of rows by trade or sector; null: all trades';

-- How many a figure is about is the word of who reckoned it: held against the doses themselves. A figure about more
-- workers than had a dose there that year, or than ever had that trade or sector there, is refused, and all with it.
create function access.refuse_small_groups() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (
        with asked as materialized (
            select distinct f.establishment_id, f.year, f.load_id from fresh as f where f.own
        ),
        alias as materialized (
            select m.worker_id, m.person_id, a.load_id
            from identity.alias as m
            inner join (select distinct k.load_id from asked as k) as a
                on m.since_load <= a.load_id and (m.until_load is null or m.until_load > a.load_id)
        ),
        there as materialized (
            select distinct a.establishment_id, a.year, a.load_id, coalesce(m.person_id, d.worker_id) as person_id
            from asked as a
            cross join lateral (
                select p.worker_id from dose.passive as p
                where
                    p.year = a.year and p.establishment_id = a.establishment_id and p.since_load <= a.load_id
                    and (p.until_load is null or p.until_load > a.load_id)
                union all
                select p.worker_id from dose.committed as p
                where
                    p.year = a.year and p.establishment_id = a.establishment_id and p.since_load <= a.load_id
                    and (p.until_load is null or p.until_load > a.load_id)
                union all
                select p.worker_id from dose.aircrew as p
                where
                    p.year = a.year and p.establishment_id = a.establishment_id and p.since_load <= a.load_id
                    and (p.until_load is null or p.until_load > a.load_id)
            ) as d
            left join alias as m on d.worker_id = m.worker_id and a.load_id = m.load_id
        ),
        coded as materialized (
            select distinct t.establishment_id, t.year, t.load_id, t.person_id, s.trade, s.sector
            from there as t
            inner join lateral (
                select t.person_id as worker_id
                union all
                select m.worker_id from alias as m where m.person_id = t.person_id and m.load_id = t.load_id
            ) as n on true
            inner join reference.attachment as h
                on n.worker_id = h.worker_id and t.establishment_id = h.establishment_id
            inner join reference.attachment_status as s
                on
                    h.attachment_id = s.attachment_id and s.since_load <= t.load_id
                    and (s.until_load is null or s.until_load > t.load_id)
        ),
        bound as (
            select c.establishment_id, c.year, c.load_id, 'metier' as list, c.trade as code,
                count(distinct c.person_id) as workers
            from coded as c
            group by 1, 2, 3, 5
            union all
            select c.establishment_id, c.year, c.load_id, 'secteur_activite', c.sector, count(distinct c.person_id)
            from coded as c
            group by 1, 2, 3, 5
            union all
            select t.establishment_id, t.year, t.load_id, null, null, count(*)
            from there as t
            group by 1, 2, 3
        )
        select 1
        from fresh as f
        left join bound as b
            on
                f.establishment_id = b.establishment_id and f.year = b.year and f.load_id = b.load_id
                and f.list is not distinct from b.list and (f.list is null or f.code = b.code)
        where f.own and f.figure is not null and f.workers > coalesce(b.workers, 0)
    ) then
        raise exception 'a figure is said to be about more workers than there were'
            using errcode = 'insufficient_privilege';
    end if;
    return null;
end
$$;
create trigger small_groups_are_refused after insert on mart.comparison
referencing new table as fresh for each statement execute function access.refuse_small_groups();

-- What an authority was told, and was not told again that it no longer holds: without a person. Who is told of what is
-- decided once, where notices are made (0015).
create view access.notified_exceedance with (security_barrier = true) as
select
    e.exceedance_id,
    e.limit_code,
    e.place,
    s.state,
    s.valid_from as state_since,
    r.window_start,
    r.window_end,
    o.siret,
    a.domain,
    a.sector,
    a.trade,
    coalesce(h.municipality, '') as municipality,
    case when s.state not in ('ANNULE', 'CADUC') then r.value_usv end as value_usv
from (
    select distinct on (n.exceedance_id, n.partner_id)
        n.exceedance_id,
        n.withdrawn
    from exposure.notice as n
    inner join ledger.partner as p on n.partner_id = p.partner_id and p.disabled_at is null
    where session_user::text = current_database() || '_' || lower(n.audience) and n.audience in ('DGT', 'DSND')
    order by n.exceedance_id asc, n.partner_id asc, n.notice_id desc
) as told
inner join exposure.exceedance as e on told.exceedance_id = e.exceedance_id
inner join exposure.state as s on e.exceedance_id = s.exceedance_id and s.until_load is null
inner join lateral (
    select k.*
    from exposure.reckoning as k
    where k.exceedance_id = e.exceedance_id
    order by k.since_load desc
    limit 1
) as r on true
inner join reference.establishment as o on r.establishment_id = o.establishment_id
left join reference.establishment_state as h on o.establishment_id = h.establishment_id and h.until_load is null
left join lateral (
    select
        v.domain,
        v.sector,
        v.trade
    from reference.attachment as t
    inner join reference.attachment_status as v on t.attachment_id = v.attachment_id and v.until_load is null
    where t.worker_id = r.worker_id and t.establishment_id = r.establishment_id
    order by (v.valid_from > r.window_end) asc, abs(v.valid_from - r.window_end) asc, t.attachment_id desc
    limit 1
) as a on true
where not told.withdrawn;

-- The agreement that a study reads under, for one hour: made by the gate, shown by its reader as the setting
-- siseri.ticket, of which only the digest is kept.
create table access.agreement (
    digest bytea primary key check (length(digest) = 32),
    number text not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    first_year smallint not null,
    last_year smallint not null check (last_year >= first_year),
    expires_at timestamptz not null
);

create function access.agree(
    digest bytea, number text, sha256 text, first_day date, last_day date, valid_until date, on_day date
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if valid_until < on_day then
        raise exception 'this agreement has expired' using errcode = 'insufficient_privilege';
    end if;
    delete from access.agreement as a where a.expires_at <= clock_timestamp();
    insert into access.agreement (digest, number, sha256, first_year, last_year, expires_at)
    values (
        digest, number, sha256, extract(year from first_day), extract(year from last_day),
        clock_timestamp() + interval '1 hour'
    );
end
$$;

-- The years that the shown agreement opens. One more on each side: a physician's version moves a body's result out of
-- the agreement's years, or into them, and must be seen to stand in for it.
create function access.agreed_years() returns int4range
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select int4range(a.first_year - 1, a.last_year + 1, '[]')
    from access.agreement as a
    where
        a.digest = sha256(convert_to(coalesce(current_setting('siseri.ticket', true), ''), 'UTF8'))
        and a.expires_at > clock_timestamp()
        and session_user::text = current_database() || '_research'
$$;

-- Of a person a study needs the year of birth and the sex.
create view access.studied_person with (security_barrier = true) as
select
    c.worker_id,
    c.sex,
    c.since_load,
    c.until_load,
    extract(year from c.birth_day)::smallint as birth_year
from identity.civil as c
where (select access.agreed_years()) is not null;

-- The audit's chain judged by those who may not read it: what contradicts it, and its head.
create function audit.judged() returns table (faults bigint, place bigint, digest bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    with chained as (
        select
            k.place, k.digest, l.look_id,
            audit.digest(coalesce(lag(k.digest) over w, ''), audit.content(l)) as due,
            k.place - coalesce(lag(k.place) over w, 0) as step
        from audit.link as k
        left join audit.look as l on k.look_id = l.look_id
        window w as (order by k.place)
    ),
    last_link as (
        select k.place, k.digest from audit.link as k
        union all
        select 0, ''::bytea
        order by place desc
        limit 1
    )
    select
        (select count(*) from chained as c where c.look_id is null or c.digest is distinct from c.due or c.step <> 1)
        + (
            select count(*) from audit.look as l
            where not exists (select 1 from audit.link as k where k.look_id = l.look_id)
        )
        + (
            select count(*) from last_link as k
            where not exists (select 1 from audit.head as h where h.place = k.place and h.digest = k.digest)
        ),
        h.place, h.digest
    from (select true) as one
    left join audit.head as h on true
$$;

do $$
declare
    home text := current_database();
    keeper text := home || '_keeper';
    one text;
begin
    foreach one in array array['dose.passive', 'dose.operational', 'dose.internal', 'dose.committed',
            'dose.aircrew'] loop
        execute format('create policy publishes on %s for select to %I using (true)', one, home || '_publisher');
        -- Asked once a statement.
        execute format('create policy studies on %s for select to %I
            using (year::integer <@ (select access.agreed_years()))', one, home || '_research');
    end loop;
    foreach one in array array['exposure.exceedance', 'exposure.reckoning', 'exposure.state'] loop
        execute format('create policy publishes on %s for select to %I using (true)', one, home || '_publisher');
    end loop;
    -- Yearly sums, whichever way they are kept, are the publisher's; who verifies them reads them.
    foreach one in array array['mart.annual', 'mart.segment'] loop
        if to_regclass(one) is null then
            continue;
        end if;
        execute format('drop policy if exists loads on %s', one);
        execute format('drop policy if exists reads on %s', one);
        execute format('create policy publishes on %s to %I using (true) with check (true)', one,
            home || '_publisher');
        execute format('create policy reads on %s for select to %I using (true)', one, home || '_analyst');
    end loop;
    execute format('create policy keeps on exposure.notice for select to %I using (true)', keeper);

    execute format('grant create on schema access to %I', keeper);
    foreach one in array array['refuse_small_groups()', 'agreed_years()',
            'agree(bytea, text, text, date, date, date, date)'] loop
        execute format('alter function access.%s owner to %I', one, keeper);
    end loop;
    foreach one in array array['notified_exceedance', 'studied_person', 'agreement'] loop
        execute format('alter table access.%s owner to %I', one, keeper);
    end loop;
    execute format('revoke create on schema access from %I', keeper);
end
$$;
