-- name: owed
-- Each open account of a physician or an adviser with the establishments that designate it today and of which it has got
-- no results this month; when it last and first got some, and in which months.
select distinct
    p.partner_id, p.code, p.role, p.identifiant, e.establishment_id, e.siret, l.delivered_at, l.first_at, l.first_month,
    l.month
from ledger.partner as p
inner join reference.designation as d on p.identifiant = d.identifiant and p.role = d.role
inner join reference.establishment as e on d.establishment_id = e.establishment_id
left join lateral (
    select
        max(m.delivered_at) as delivered_at, max(m.month) as month,
        min(m.delivered_at) as first_at, min(m.month) as first_month
    from ledger.monthly_list as m
    where m.partner_id = p.partner_id and m.name like 'resultats-%%' and split_part(m.name, '-', 2) = e.siret
) as l on true
where
    p.is_open and p.role in ('MDT', 'CRP') and d.until_load is null
    and d.start_day <= %(today)s and (d.end_day is null or d.end_day >= %(today)s)
    and (l.month is null or l.month < %(month)s)
order by p.code, e.siret

-- name: news
-- Whether something was loaded, or a day went by, since the last look.
select
    coalesce((select max(l.load_id) from ledger.load as l), 0),
    not exists (
        select 1 from ledger.results_look as k
        where k.day = %(day)s and k.load_id >= coalesce((select max(l.load_id) from ledger.load as l), 0)
    )

-- name: looked
insert into ledger.results_look (load_id, day) values (%s, %s)
on conflict (only_one) do update set load_id = excluded.load_id, day = excluded.day

-- name: moment
-- Now; no load that bears an earlier hour is under way any more.
select m.at, ledger.as_of(m.at) from (select clock_timestamp() as at offset 0) as m

-- name: delivered
insert into ledger.monthly_list (partner_id, name, month, delivered_at) values (%s, %s, %s, %s)
on conflict do nothing

-- name: history
-- The hours of loads that brought a legacy registry's history.
select recorded_at from ledger.load where kind = 'legacy'

-- name: candidates
-- Of these establishments, those with a result of the month that ended, or with an older one loaded since a day, or with
-- one that holds no longer since then. What a legacy migration brought is history and no news.
with asked as (
    select unnest(%(establishments)s::integer[]) as establishment_id
),
late as (
    select l.load_id from ledger.load as l where l.recorded_at > %(since)s and l.kind <> 'legacy'
)
select d.establishment_id
from dose.passive as d
inner join asked as a on d.establishment_id = a.establishment_id
where d.until_load is null and d.end_day <= %(last)s and d.year = %(year)s and d.end_day >= %(first)s
union
select d.establishment_id
from dose.passive as d
inner join asked as a on d.establishment_id = a.establishment_id
where d.until_load is null and d.since_load in (select l.load_id from late as l) and d.end_day < %(first)s
union
select d.establishment_id
from dose.operational as d
inner join asked as a on d.establishment_id = a.establishment_id
where
    d.until_load is null and d.year = %(year)s
    and date '1970-01-01' + d.end_minute / 1440 between %(first)s and %(last)s
union
select d.establishment_id
from dose.operational as d
inner join asked as a on d.establishment_id = a.establishment_id
where
    d.until_load is null and d.since_load in (select l.load_id from late as l)
    and date '1970-01-01' + d.end_minute / 1440 < %(first)s
union
select d.establishment_id
from dose.aircrew as d
inner join asked as a on d.establishment_id = a.establishment_id
where
    d.until_load is null and d.end_day <= %(last)s
    and (d.end_day >= %(first)s or d.since_load in (select l.load_id from late as l))
union
select d.establishment_id
from dose.internal as d
inner join asked as a on d.establishment_id = a.establishment_id
where
    d.until_load is null and d.end_day <= %(last)s
    and (d.end_day >= %(first)s or d.since_load in (select l.load_id from late as l))
union
select d.establishment_id
from dose.committed as d
inner join asked as a on d.establishment_id = a.establishment_id
where
    d.until_load is null and d.end_day <= %(last)s
    and (d.end_day >= %(first)s or d.since_load in (select l.load_id from late as l))
union
select d.establishment_id
from dose.passive as d
inner join asked as a on d.establishment_id = a.establishment_id
where d.until_load in (select l.load_id from late as l) and d.end_day <= %(last)s
union
select d.establishment_id
from dose.operational as d
inner join asked as a on d.establishment_id = a.establishment_id
where d.until_load in (select l.load_id from late as l) and date '1970-01-01' + d.end_minute / 1440 <= %(last)s
union
select d.establishment_id
from dose.aircrew as d
inner join asked as a on d.establishment_id = a.establishment_id
where d.until_load in (select l.load_id from late as l) and d.end_day <= %(last)s
union
select d.establishment_id
from dose.internal as d
inner join asked as a on d.establishment_id = a.establishment_id
where d.until_load in (select l.load_id from late as l) and d.end_day <= %(last)s
union
select d.establishment_id
from dose.committed as d
inner join asked as a on d.establishment_id = a.establishment_id
where d.until_load in (select l.load_id from late as l) and d.end_day <= %(last)s

-- name: outlived
-- Files of results still in the retour/ of an account that their establishment designates no longer.
select p.partner_id, p.code, m.name, m.month
from ledger.monthly_list as m
inner join ledger.partner as p on m.partner_id = p.partner_id
where
    m.removed_at is null and m.name like 'resultats-%%'
    and not exists (
        select 1
        from reference.establishment as e
        inner join reference.designation as d on e.establishment_id = d.establishment_id
        where
            e.siret = split_part(m.name, '-', 2) and d.role = p.role and d.identifiant = p.identifiant
            and d.until_load is null and d.start_day <= %(today)s and (d.end_day is null or d.end_day >= %(today)s)
    )
order by p.code, m.name

-- name: removed
update ledger.monthly_list set removed_at = clock_timestamp()
where partner_id = %s and name = %s and month = %s
