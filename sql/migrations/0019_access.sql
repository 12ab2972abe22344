-- Who sees what of a person (contract, outcomes.md, "Who sees what"): five reading profiles that hold no right on any
-- table. They read the views of this schema, which show what a ticket opens and nothing where there is none.
--
-- A ticket is for one person or one establishment, one profile and some minutes. The gate alone may have one made, once
-- it knows who asks; making it writes the audit. The reader shows the ticket as the setting siseri.ticket: only its
-- digest is kept here, so a setting that was not given by the gate opens nothing, and neither does another profile's.
--
-- The functions and views belong to the keeper, who cannot log in and is no superuser.

create schema access;

create table access.ticket (
    digest bytea primary key check (length(digest) = 32),
    profile text not null check (profile in ('worker', 'employer', 'crp', 'physician', 'agent')),
    capacity text not null check (
        capacity in ('TRAVAILLEUR', 'EMPLOYEUR', 'CES', 'CRP', 'MDT', 'PST', 'AGENT')
    ),
    identifiant text collate "C" not null,
    person_id integer,
    establishment_id integer,
    day date not null,
    expires_at timestamptz not null,
    check ((person_id is null) <> (establishment_id is null))
);
comment on column access.ticket.identifiant is 'as in DESIGNATIONS; a SIRET for an employer; empty for a worker';
comment on column access.ticket.person_id is 'whom it is about; 0: nobody';
comment on column access.ticket.day is 'the registry''s date: what designations and windows are judged by';

-- What a ticket opens, settled when it is made: contracts, and the numbers under which the persons are known.
-- single_since: of an adviser, the day after which single results are open, within those contracts; null: no bound.
-- at_establishment: results of this establishment alone; null: of all. without_adjusted: external results that a
-- physician's conclusion adjusted are left out, for who may not see internal doses and where the person ever had one:
-- what was adjusted, and by how much, would tell it.
create table access.opened_contract (
    digest bytea not null references access.ticket on delete cascade,
    person_id integer not null,
    establishment_id integer not null,
    start_day date not null,
    end_day date not null,
    primary key (digest, person_id, establishment_id, start_day)
);
create table access.opened_worker (
    digest bytea not null references access.ticket on delete cascade,
    worker_id integer not null,
    person_id integer not null,
    single_since date,
    at_establishment integer,
    without_adjusted boolean not null,
    primary key (digest, worker_id)
);

alter table audit.look add column held text;
comment on column audit.look.held is 'the right the look was made under: capacity and identifier';
alter table audit.look drop constraint look_door_check;
alter table audit.look add constraint look_door_check check (door in ('BUREAU', 'COMMANDE', 'RETOUR'));

-- What was taken out of retour/ again, once the right to it ended.
alter table ledger.monthly_list add column removed_at timestamptz;
create index monthly_results on ledger.monthly_list (partner_id) where removed_at is null and name like 'resultats-%';

-- The last load that was looked through for results to deliver, and when: until a newer one or the next day, nothing
-- has come.
create table ledger.results_look (
    only_one boolean primary key default true check (only_one),
    load_id integer not null,
    day date not null
);

-- The ticket this session shows; none where it is unknown, out of date or another profile's.
create function access.shown() returns setof access.ticket
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select t.*
    from access.ticket as t
    where
        t.digest = sha256(convert_to(coalesce(current_setting('siseri.ticket', true), ''), 'UTF8'))
        and t.expires_at > clock_timestamp()
        and session_user::text = current_database() || '_' || t.profile
$$;

-- The establishments that give somebody a right on a day, and the days of the charge so far. It must be in force that
-- day; what was the same charge before counts too. A person of the physician's service acts by a physician's mandate:
-- the one who named that person, or any where the registry's staff did, must be in charge there.
create function access.mandates(capacity text, holder text, on_day date)
returns table (establishment_id integer, first_day date, last_day date)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select d.establishment_id, d.start_day, least(coalesce(d.end_day, on_day), on_day)
    from reference.designation as d
    where
        d.identifiant = holder and d.role = capacity and d.until_load is null and d.start_day <= on_day
        and exists (
            select 1 from reference.designation as n
            where
                n.establishment_id = d.establishment_id and n.identifiant = holder and n.role = capacity
                and n.until_load is null and n.start_day <= on_day and coalesce(n.end_day, on_day) >= on_day
                and (
                    capacity <> 'PST'
                    or exists (
                        select 1
                        from reference.designation as m
                        left join ledger.submission as s on s.submission_id = n.submission_id
                        left join ledger.partner as p on s.partner_id = p.partner_id and p.role = 'MDT'
                        where
                            m.establishment_id = n.establishment_id and m.role = 'MDT' and m.until_load is null
                            and m.start_day <= on_day and coalesce(m.end_day, on_day) >= on_day
                            and (p.partner_id is null or p.identifiant = m.identifiant)
                    )
                )
        )
    union all
    select e.establishment_id, '-infinity'::date, 'infinity'::date
    from reference.establishment as e
    where capacity = 'EMPLOYEUR' and e.siret = holder
$$;

-- The contracts that a ticket shows: periods of attachment, those that touch made one. Beyond the worker's own and the
-- control agent's, a contract is shown where it has a day in common with the charge.
create function access.contracts_of(ticket access.ticket)
returns table (person_id integer, establishment_id integer, start_day date, end_day date)
language sql stable security definer rows 20 set search_path = pg_catalog, pg_temp as $$
    with subject as (
        select ticket.person_id
        where ticket.person_id is not null
        union
        select coalesce(m.person_id, a.worker_id)
        from reference.attachment as a
        left join identity.alias as m on a.worker_id = m.worker_id and m.until_load is null
        where a.establishment_id = ticket.establishment_id
    ),
    numbers as (
        select s.person_id, s.person_id as worker_id from subject as s
        union all
        select m.person_id, m.worker_id
        from subject as s
        inner join identity.alias as m on s.person_id = m.person_id and m.until_load is null
    ),
    merged as (
        select
            n.person_id, a.establishment_id,
            range_agg(daterange(p.start_day, p.end_day, '[]')) as days
        from numbers as n
        inner join reference.attachment as a on n.worker_id = a.worker_id
        inner join reference.attachment_period as p on a.attachment_id = p.attachment_id
        where
            p.until_load is null
            and (ticket.establishment_id is null or a.establishment_id = ticket.establishment_id)
        group by n.person_id, a.establishment_id
    ),
    contract as (
        select
            g.person_id, g.establishment_id, lower(k.days) as start_day,
            case when upper_inf(k.days) then 'infinity'::date else upper(k.days) - 1 end as end_day
        from merged as g
        cross join lateral unnest(g.days) as k (days)
    )
    select c.person_id, c.establishment_id, c.start_day, c.end_day
    from contract as c
    where
        ticket.profile in ('worker', 'agent')
        or exists (
            select 1 from access.mandates(ticket.capacity, ticket.identifiant, ticket.day) as g
            where
                g.establishment_id = c.establishment_id and c.start_day <= g.last_day and c.end_day >= g.first_day
        )
$$;

-- The same of the ticket that the session shows.
create function access.contracts()
returns table (person_id integer, establishment_id integer, start_day date, end_day date)
language sql stable security definer rows 4 set search_path = pg_catalog, pg_temp as $$
    select c.person_id, c.establishment_id, c.start_day, c.end_day
    from access.shown() as t
    inner join access.opened_contract as c on t.digest = c.digest
$$;

create function access.workers()
returns table (
    worker_id integer, person_id integer, single_since date, at_establishment integer, without_adjusted boolean
)
language sql stable security definer rows 2 set search_path = pg_catalog, pg_temp as $$
    select w.worker_id, w.person_id, w.single_since, w.at_establishment, w.without_adjusted
    from access.shown() as t
    inner join access.opened_worker as w on t.digest = w.digest
$$;

-- The bodies' results of these persons that a physician's stand in for (dose.passive_set_aside, from the other side).
create function access.set_aside()
returns table (sender_id integer, measure_id text, year smallint)
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select o.partner_id, substr(m.measure_id, strpos(m.measure_id, '/') + 1), m.year
    from access.workers() as w
    inner join dose.passive as m on w.worker_id = m.worker_id
    inner join ledger.partner as p on m.sender_id = p.partner_id and p.role = 'MDT'
    inner join ledger.partner as o on split_part(m.measure_id, '/', 1) = o.code and o.role = 'OA'
    where m.until_load is null and strpos(m.measure_id, '/') > 0
$$;

-- A ticket is made and the audit written, in one act. Whoever asks, the answer is whether it opens anything: nothing
-- tells a person that does not exist from one that is not shown.
create function access.admit(
    digest bytea, capacity text, holder text, own uuid, subject uuid, siret text, on_day date,
    who text, door text, what text
) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    person integer := 0;
    himself integer;
    establishment integer;
    made access.ticket;
    opened integer;
    right_held text := capacity || case when holder = '' then '' else ':' || holder end;
begin
    if capacity not in ('TRAVAILLEUR', 'EMPLOYEUR', 'CES', 'CRP', 'MDT', 'PST', 'AGENT') then
        raise exception 'no such capacity';
    end if;
    if subject is null and capacity in ('TRAVAILLEUR', 'AGENT') then
        raise exception 'a ticket for a whole establishment needs a mandate there';
    end if;
    delete from access.ticket as t where t.expires_at <= clock_timestamp();
    if subject is not null then
        person := coalesce(access.person_of(subject), 0);
        if capacity = 'TRAVAILLEUR' then
            himself := access.person_of(own);
            person := case when himself = person then person else 0 end;
        end if;
    else
        person := null;
        establishment := coalesce(
            (select e.establishment_id from reference.establishment as e where e.siret = admit.siret), 0);
    end if;
    insert into access.ticket (digest, profile, capacity, identifiant, person_id, establishment_id, day, expires_at)
    values (
        digest,
        case
            when capacity = 'TRAVAILLEUR' then 'worker'
            when capacity in ('EMPLOYEUR', 'CES') then 'employer'
            when capacity = 'CRP' then 'crp'
            when capacity in ('MDT', 'PST') then 'physician'
            when capacity = 'AGENT' then 'agent'
        end,
        capacity, holder, person, establishment, on_day, clock_timestamp() + interval '10 minutes'
    )
    returning * into made;
    insert into access.opened_contract (digest, person_id, establishment_id, start_day, end_day)
    select made.digest, c.person_id, c.establishment_id, c.start_day, c.end_day from access.contracts_of(made) as c;
    with shown as (
        select c.person_id from access.opened_contract as c where c.digest = made.digest
        union
        -- The worker and the control agent need no contract to go by.
        select w.worker_id from identity.worker as w
        where w.worker_id = made.person_id and made.profile in ('worker', 'agent')
    ),
    numbers as (
        select s.person_id as worker_id, s.person_id from shown as s
        union all
        select m.worker_id, m.person_id
        from shown as s
        inner join identity.alias as m on s.person_id = m.person_id and m.until_load is null
    )
    insert into access.opened_worker (
        digest, worker_id, person_id, single_since, at_establishment, without_adjusted
    )
    select
        made.digest, n.worker_id, n.person_id,
        case when made.profile = 'crp' then (made.day - interval '5 years')::date end,
        made.establishment_id,
        made.profile in ('crp', 'agent') and access.ever_committed(n.person_id)
    from numbers as n;
    select count(distinct w.person_id) into opened from access.opened_worker as w where w.digest = made.digest;
    insert into audit.look (who, door, what, worker_id, records, held)
    values (who, door, what, nullif(person, 0), opened, right_held);
    return opened > 0;
end
$$;

-- Whether a person has, or ever had, a committed dose, annulled ones included.
create function access.ever_committed(person integer) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select exists (
        select 1 from dose.committed as d
        where
            d.worker_id = person
            or d.worker_id in (
                select m.worker_id from identity.alias as m where m.person_id = person and m.until_load is null
            )
    )
$$;

create function access.person_of(print uuid) returns integer
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(m.person_id, i.worker_id)
    from identity.identifier as i
    left join identity.alias as m on i.worker_id = m.worker_id and m.until_load is null
    where i.fingerprint = print and i.until_load is null
$$;

-- The external results of a person that enter sums, as pipelines/windows.py counts them: what has a value, what lies
-- below the threshold as 0, small months of flights as 0, and of dosimeters of the chest and the belt worn together
-- (hanging together by overlaps) the place with the higher sum, the chest where equal. For the functions below only.
create function access.counted(person integer)
returns table (establishment_id integer, quantity text, location text, start_day date, end_day date, usv bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    with recursive numbers as (
        select person as worker_id
        union
        select m.worker_id from identity.alias as m where m.person_id = person and m.until_load is null
    ),
    result as materialized (
        select
            row_number() over () as at, d.establishment_id, q.code as quantity, l.code as location,
            d.start_day, d.end_day, case s.code when 'INF' then 0 else coalesce(d.value_usv, 0) end as usv
        from numbers as n
        inner join dose.passive as d on n.worker_id = d.worker_id
        inner join reference.code_list as q on q.list = 'PASSIVE.TYPE_MESURE' and d.quantity = q.number
        inner join reference.code_list as l on l.list = 'PASSIVE.LOCALISATION' and d.location = l.number
        inner join reference.code_list as s on s.list = 'PASSIVE.ETAT_RESULTAT' and d.state = s.number
        where
            d.until_load is null and s.code in ('MES', 'INF', 'EST')
            and (d.adjusts is null or not access.ever_committed(person))
            and not exists (
                select 1 from dose.passive_set_aside as k
                where k.sender_id = d.sender_id and k.measure_id = d.measure_id and k.year = d.year
            )
    ),
    trunk as materialized (
        select * from result where quantity in ('PAS-HP10-PHO', 'PAS-HP10-NEU') and location in ('POITRINE', 'CEINTURE')
    ),
    pair as materialized (
        select a.at as one, b.at as other
        from trunk as a
        inner join trunk as b
            on
                a.establishment_id = b.establishment_id and a.quantity = b.quantity and a.location <> b.location
                and a.start_day <= b.end_day and b.start_day <= a.end_day
    ),
    reached as (
        select distinct p.one as at, p.one as head from pair as p
        union
        select p.other, r.head
        from reached as r
        inner join pair as p on r.at = p.one
    ),
    grouped as (
        select r.at, min(r.head) as head from reached as r group by r.at
    ),
    winner as (
        select
            g.head,
            case
                when
                    sum(t.usv) filter (where t.location = 'CEINTURE')
                    > sum(t.usv) filter (where t.location = 'POITRINE')
                    then 'CEINTURE'
                else 'POITRINE'
            end as location
        from grouped as g
        inner join trunk as t on g.at = t.at
        group by g.head
    )
    select r.establishment_id, r.quantity, r.location, r.start_day, r.end_day, r.usv
    from result as r
    left join grouped as g on r.at = g.at
    left join winner as w on g.head = w.head
    where w.head is null or w.location = r.location
    union all
    select
        d.establishment_id, 'CAL-E-COS', null, date_trunc('month', d.end_day)::date, d.end_day,
        case when d.value_usv < 100 then 0 else d.value_usv end
    from numbers as n
    inner join dose.aircrew as d on n.worker_id = d.worker_id
    where d.until_load is null and (d.adjusts is null or not access.ever_committed(person))
$$;

-- What a quantity is limited by, and by place for skin and extremities.
create function access.limited(quantity text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
    select case
        when quantity in ('PAS-HP10-PHO', 'PAS-HP10-NEU', 'PAS-E-RADON', 'CAL-E-COS') then 'EFFICACE'
        when quantity = 'PAS-HP3' then 'CRISTALLIN'
        when quantity = 'PAS-HP007-PEAU' then 'PEAU'
        when quantity = 'PAS-HP007-EXT' then 'EXTREMITES'
    end
$$;

-- An adviser's sums over each whole contract, external results of the establishment alone. committed: the contract
-- holds a committed dose, so the sum is not the effective dose; the dose itself enters nothing here.
create function access.contract_sums()
returns table (
    person_id integer, siret text, start_day date, end_day date,
    limited text, location text, usv bigint, results bigint, committed boolean
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select
        c.person_id, e.siret, c.start_day, c.end_day, access.limited(k.quantity),
        case when access.limited(k.quantity) in ('PEAU', 'EXTREMITES') then k.location end,
        sum(k.usv)::bigint, count(*),
        access.limited(k.quantity) = 'EFFICACE' and exists (
            select 1
            from access.workers() as w
            inner join dose.committed as d on w.worker_id = d.worker_id
            where
                w.person_id = c.person_id and d.until_load is null and d.establishment_id = c.establishment_id
                and d.end_day between c.start_day and c.end_day
        )
    from access.shown() as t
    cross join access.contracts() as c
    inner join reference.establishment as e on c.establishment_id = e.establishment_id
    cross join lateral access.counted(c.person_id) as k
    where
        t.profile = 'crp' and t.person_id is not null and k.establishment_id = c.establishment_id
        and k.start_day <= c.end_day and k.end_day >= c.start_day
    group by 1, 2, 3, 4, 5, 6, c.establishment_id
$$;

-- Which of the fixed spans that a statement sums hold a committed dose: civil years, and the twelve months up to the
-- ticket's day. Spans are not the reader's choice, or asking for many would tell the day of each.
create function access.committed_spans()
returns table (person_id integer, span text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    with held as (
        select distinct w.person_id, d.end_day, t.day
        from access.shown() as t
        cross join access.workers() as w
        inner join dose.committed as d on w.worker_id = d.worker_id
        where
            d.until_load is null and d.end_day <= t.day
            and (
                t.profile = 'agent'
                or (
                    t.profile = 'crp' and d.end_day > w.single_since
                    and exists (
                        select 1 from access.contracts() as c
                        where
                            c.person_id = w.person_id and c.establishment_id = d.establishment_id
                            and d.end_day between c.start_day and c.end_day
                    )
                )
            )
    )
    select h.person_id, extract(year from h.end_day)::integer::text from held as h
    union
    select h.person_id, '12_MOIS' from held as h where h.end_day > h.day - interval '12 months'
$$;

-- Exceedances that hold. Who may see internal doses sees the value; of the others, nobody: they see the sum of the
-- external results of the window, reckoned here anew, and whether the window holds a committed dose.
create function access.exceedances()
returns table (
    exceedance_id integer, person_id integer, siret text, limit_code text, place smallint, window_start date,
    window_end date, state text, state_since date, value_usv bigint, external_usv bigint, committed boolean
)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select
        e.exceedance_id, w.person_id, o.siret, e.limit_code, e.place, r.window_start, r.window_end, s.state,
        s.valid_from,
        case when t.profile in ('worker', 'physician') then r.value_usv end,
        case when t.profile in ('crp', 'agent') then x.usv end,
        case when t.profile in ('crp', 'agent') then x.committed end
    from access.shown() as t
    cross join access.workers() as w
    inner join exposure.reckoning as r on w.worker_id = r.worker_id and r.until_load is null
    inner join exposure.exceedance as e on r.exceedance_id = e.exceedance_id
    inner join exposure.state as s on e.exceedance_id = s.exceedance_id and s.until_load is null
    inner join reference.establishment as o on r.establishment_id = o.establishment_id
    left join lateral (
        select
            coalesce(sum(k.usv) filter (where v.mine), 0)::bigint as usv,
            coalesce(bool_or(v.mine and exists (
                select 1 from access.contracts() as c
                where
                    c.establishment_id = k.establishment_id and k.start_day <= c.end_day and k.end_day >= c.start_day
            )), false) as concerned,
            v.effective and exists (
                select 1
                from access.workers() as n
                inner join dose.committed as d on n.worker_id = d.worker_id
                where
                    n.person_id = w.person_id and d.until_load is null
                    and d.end_day between r.window_start and r.window_end
            ) as committed
        from (
            select
                split_part(e.limit_code, '-', 1) = 'EFF' as effective,
                case split_part(e.limit_code, '-', 1)
                    when 'EFF' then 'EFFICACE' when 'CRI' then 'CRISTALLIN' when 'PEA' then 'PEAU' else 'EXTREMITES'
                end as limited
        ) as q
        left join access.counted(w.person_id) as k on k.end_day between r.window_start and r.window_end
        left join reference.code_list as l on l.list = 'PASSIVE.LOCALISATION' and k.location = l.code
        cross join lateral (
            select
                q.effective,
                access.limited(k.quantity) = q.limited and (e.place < 0 or l.number = e.place) as mine
        ) as v
        group by v.effective
    ) as x on t.profile in ('crp', 'agent')
    where
        t.profile in ('worker', 'physician', 'agent')
        or (
            t.profile = 'crp' and (
                x.concerned
                or exists (
                    select 1 from access.contracts() as c
                    where
                        c.establishment_id = r.establishment_id
                        and c.start_day <= r.window_end and c.end_day >= r.window_start
                )
            )
        )
$$;

-- Administrative: open to every profile for whom the ticket shows.
create view access.person with (security_barrier = true) as
select
    w.person_id,
    c.last_name,
    c.first_name,
    c.birth_day,
    c.sex,
    i.kind,
    i.sealed
from (select distinct person_id from access.workers()) as w
inner join identity.civil as c on w.person_id = c.worker_id and c.until_load is null
inner join lateral (
    select
        o.kind,
        o.sealed
    from identity.identifier as o
    inner join access.workers() as n on o.worker_id = n.worker_id
    where o.until_load is null and n.person_id = w.person_id
    order by (o.kind = 'NIR') desc, (o.worker_id = w.person_id) desc, o.since_load desc, o.fingerprint asc
    limit 1
) as i on true;

create view access.contract with (security_barrier = true) as
select
    c.person_id,
    e.siret,
    c.start_day,
    s.class,
    s.other_exposure,
    s.character,
    s.domain,
    s.sector,
    s.trade,
    s.contract,
    coalesce(nullif(h.usual_name, ''), h.sign, '') as establishment,
    nullif(c.end_day, 'infinity') as end_day
from access.contracts() as c
inner join reference.establishment as e on c.establishment_id = e.establishment_id
left join reference.establishment_state as h on c.establishment_id = h.establishment_id and h.until_load is null
left join lateral (
    select v.*
    from access.shown() as t
    cross join access.workers() as w
    inner join reference.attachment as a
        on w.worker_id = a.worker_id and c.establishment_id = a.establishment_id
    inner join reference.attachment_status as v on a.attachment_id = v.attachment_id and v.until_load is null
    where w.person_id = c.person_id
    order by
        (v.valid_from <= least(c.end_day, greatest(t.day, c.start_day))) desc,
        case when v.valid_from <= least(c.end_day, greatest(t.day, c.start_day)) then v.valid_from end desc,
        v.valid_from asc,
        a.attachment_id desc
    limit 1
) as s on true;

-- External results. An adviser's are those worn within a contract, of the last five years.
create view access.passive with (security_barrier = true) as
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
    g.recorded_at
from access.workers() as w
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

create view access.operational with (security_barrier = true) as
select
    w.person_id,
    d.establishment_id,
    e.siret,
    d.quantity,
    d.dosimeter,
    d.start_minute,
    d.end_minute,
    d.value_usv,
    d.place,
    d.zone,
    p.code as sender,
    g.recorded_at
from access.workers() as w
inner join dose.operational as d on w.worker_id = d.worker_id
inner join reference.establishment as e on d.establishment_id = e.establishment_id
inner join ledger.partner as p on d.sender_id = p.partner_id
inner join ledger.load as g on d.since_load = g.load_id
where
    d.until_load is null
    and (w.at_establishment is null or d.establishment_id = w.at_establishment)
    and (
        w.single_since is null
        or (
            date '1970-01-01' + d.end_minute / 1440 > w.single_since
            and exists (
                select 1 from access.contracts() as c
                where
                    c.person_id = w.person_id and c.establishment_id = d.establishment_id
                    and date '1970-01-01' + d.start_minute / 1440 <= c.end_day
                    and date '1970-01-01' + d.end_minute / 1440 >= c.start_day
            )
        )
    );

create view access.aircrew with (security_barrier = true) as
select
    w.person_id,
    d.establishment_id,
    e.siret,
    d.end_day,
    d.value_usv,
    d.flights,
    p.code as sender,
    g.recorded_at
from access.workers() as w
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

-- Internal: the worker and the physician only, by grant and by ticket.
create view access.internal with (security_barrier = true) as
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
    g.recorded_at
from access.shown() as t
cross join access.workers() as w
inner join dose.internal as d on w.worker_id = d.worker_id
inner join reference.establishment as e on d.establishment_id = e.establishment_id
inner join ledger.partner as p on d.sender_id = p.partner_id
inner join ledger.load as g on d.since_load = g.load_id
where
    d.until_load is null and t.profile in ('worker', 'physician')
    and (w.at_establishment is null or d.establishment_id = w.at_establishment);

create view access.committed with (security_barrier = true) as
select
    w.person_id,
    d.establishment_id,
    e.siret,
    d.end_day,
    d.nuclide,
    d.value_usv,
    p.code as sender,
    g.recorded_at
from access.shown() as t
cross join access.workers() as w
inner join dose.committed as d on w.worker_id = d.worker_id
inner join reference.establishment as e on d.establishment_id = e.establishment_id
inner join ledger.partner as p on d.sender_id = p.partner_id
inner join ledger.load as g on d.since_load = g.load_id
where
    d.until_load is null and t.profile in ('worker', 'physician')
    and (w.at_establishment is null or d.establishment_id = w.at_establishment);

create index attachment_person on reference.attachment (worker_id);

do $$
declare
    home text := current_database();
    keeper text := home || '_keeper';
    gate text := home || '_gate';
    loader text := home || '_loader';
    worker text := home || '_worker';
    employer text := home || '_employer';
    crp text := home || '_crp';
    physician text := home || '_physician';
    agent text := home || '_agent';
    one text;
begin
    execute 'revoke all on all functions in schema access from public';
    execute format('grant %I to current_user', keeper);
    execute format('grant usage, create on schema access to %I', keeper);
    execute format('grant usage on schema ledger, identity, reference, dose, exposure, audit to %I', keeper);
    execute format('grant select (partner_id, code, role, identifiant) on ledger.partner to %I', keeper);
    execute format('grant select (submission_id, partner_id) on ledger.submission to %I', keeper);
    execute format('grant select (load_id, recorded_at) on ledger.load to %I', keeper);
    execute format('grant select on identity.worker, identity.identifier, identity.civil, identity.alias to %I',
        keeper);
    execute format('grant select on reference.establishment, reference.establishment_state, reference.attachment,
        reference.attachment_period, reference.attachment_status, reference.designation, reference.code_list to %I',
        keeper);
    execute format('grant select on dose.passive, dose.operational, dose.internal, dose.committed, dose.aircrew,
        dose.passive_set_aside, exposure.exceedance, exposure.reckoning, exposure.state to %I', keeper);
    execute format('grant insert on audit.look to %I', keeper);
    foreach one in array array['dose.passive', 'dose.operational', 'dose.internal', 'dose.committed', 'dose.aircrew',
            'exposure.exceedance', 'exposure.reckoning', 'exposure.state'] loop
        execute format('create policy keeps on %s for select to %I using (true)', one, keeper);
    end loop;
    for one in
        select p.oid::regprocedure::text from pg_proc as p where p.pronamespace = 'access'::regnamespace
    loop
        execute format('alter function %s owner to %I', one, keeper);
    end loop;
    for one in
        select c.oid::regclass::text from pg_class as c
        where c.relnamespace = 'access'::regnamespace and c.relkind in ('r', 'v')
    loop
        execute format('alter table %s owner to %I', one, keeper);
    end loop;
    execute format('revoke create on schema access from %I', keeper);

    execute format('grant usage on schema access to %I, %I, %I, %I, %I, %I',
        gate, worker, employer, crp, physician, agent);
    execute format('grant execute on function access.admit to %I', gate);
    -- The views call them as the reader; without arguments, they say no more than the ticket opens.
    execute format('grant execute on function access.shown, access.contracts, access.workers, access.set_aside
        to %I, %I, %I, %I, %I', worker, employer, crp, physician, agent);
    execute format('grant select on access.person, access.contract to %I, %I, %I, %I, %I',
        worker, employer, crp, physician, agent);
    execute format('grant select on access.passive, access.operational, access.aircrew to %I, %I, %I, %I',
        worker, crp, physician, agent);
    execute format('grant execute on function access.exceedances to %I, %I, %I, %I', worker, crp, physician, agent);
    execute format('grant select on access.internal, access.committed to %I, %I', worker, physician);
    execute format('grant execute on function access.contract_sums to %I', crp);
    execute format('grant execute on function access.committed_spans to %I, %I', crp, agent);
    execute format('grant update (removed_at) on ledger.monthly_list to %I', loader);
    execute format('grant select, insert, update on ledger.results_look to %I', loader);
end
$$;
