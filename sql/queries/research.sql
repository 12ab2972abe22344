-- name: instant
-- The last load at or before an hour (now: the last of all), and its hour.
select load_id, recorded_at from ledger.load
where load_id = (
    case
        when %(hour)s::timestamptz is null then (select max(l.load_id) from ledger.load as l)
        else ledger.as_of(%(hour)s::timestamptz)
    end
)

-- name: passive
-- The results of a year as the registry held them after a load, each under the number of its person then. A body's
-- result that a physician's stood in for is none. Values below the threshold are 0; where there is none, "absent".
with set_aside as (
    select distinct b.sender_id, b.measure_id, b.year
    from dose.passive as m
    inner join ledger.partner as p on m.sender_id = p.partner_id and p.role = 'MDT'
    inner join ledger.partner as o on split_part(m.measure_id, '/', 1) = o.code and o.role = 'OA'
    inner join dose.passive as b
        on
            o.partner_id = b.sender_id and substr(m.measure_id, strpos(m.measure_id, '/') + 1) = b.measure_id
            and b.year between m.year - 1 and m.year + 1
            and b.since_load <= %(load)s and (b.until_load is null or b.until_load > %(load)s)
    where
        strpos(m.measure_id, '/') > 0
        and m.since_load <= %(load)s and (m.until_load is null or m.until_load > %(load)s)
)
select
    coalesce(a.person_id, d.worker_id), d.worker_id, d.establishment_id, d.start_day, d.end_day, d.quantity, d.location,
    d.state,
    case when d.state = %(below)s then 0 else coalesce(d.value_usv, %(absent)s) end
from dose.passive as d
left join identity.alias as a
    on d.worker_id = a.worker_id and a.since_load <= %(load)s and (a.until_load is null or a.until_load > %(load)s)
where
    d.year = %(year)s and d.end_day between %(first)s and %(last)s
    and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)
    and not exists (
        select 1 from set_aside as k
        where k.sender_id = d.sender_id and k.measure_id = d.measure_id and k.year = d.year
    )

-- name: operational
select
    coalesce(a.person_id, d.worker_id), d.worker_id, d.establishment_id,
    (timestamp '1970-01-01' + d.start_minute * interval '1 minute')::date,
    (timestamp '1970-01-01' + d.end_minute * interval '1 minute')::date,
    d.quantity, (-1)::smallint, (-1)::smallint, d.value_usv
from dose.operational as d
left join identity.alias as a
    on d.worker_id = a.worker_id and a.since_load <= %(load)s and (a.until_load is null or a.until_load > %(load)s)
where
    d.year = %(year)s
    and (timestamp '1970-01-01' + d.end_minute * interval '1 minute')::date between %(first)s and %(last)s
    and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)

-- name: aircrew
select
    coalesce(a.person_id, d.worker_id), d.worker_id, d.establishment_id, date_trunc('month', d.end_day)::date, d.end_day,
    (-1)::smallint, (-1)::smallint, (-1)::smallint, d.value_usv
from dose.aircrew as d
left join identity.alias as a
    on d.worker_id = a.worker_id and a.since_load <= %(load)s and (a.until_load is null or a.until_load > %(load)s)
where
    d.year = %(year)s and d.end_day between %(first)s and %(last)s
    and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)

-- name: committed
select
    coalesce(a.person_id, d.worker_id), d.worker_id, d.establishment_id, d.end_day, d.end_day,
    d.value_usv, d.nuclide
from dose.committed as d
left join identity.alias as a
    on d.worker_id = a.worker_id and a.since_load <= %(load)s and (a.until_load is null or a.until_load > %(load)s)
where
    d.year = %(year)s and d.end_day between %(first)s and %(last)s
    and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)

-- name: internal
select
    coalesce(a.person_id, d.worker_id), d.worker_id, d.establishment_id, d.end_day, d.end_day,
    d.nuclide, d.exam, d.unit, d.state, d.activity_nbq
from dose.internal as d
left join identity.alias as a
    on d.worker_id = a.worker_id and a.since_load <= %(load)s and (a.until_load is null or a.until_load > %(load)s)
where
    d.year = %(year)s and d.end_day between %(first)s and %(last)s
    and d.since_load <= %(load)s and (d.until_load is null or d.until_load > %(load)s)

-- name: persons
select c.worker_id, c.birth_year, c.sex
from access.studied_person as c
where
    c.worker_id = any(%(persons)s)
    and c.since_load <= %(load)s and (c.until_load is null or c.until_load > %(load)s)

-- name: statuses
-- What held during the attachments of these persons, from which day on, under each number that was theirs.
select
    coalesce(a.person_id, t.worker_id), t.worker_id, t.establishment_id, s.valid_from - date '1970-01-01', s.character,
    s.domain, s.sector, s.trade, coalesce(s.class, ''), s.hazard, s.contract
from reference.attachment as t
inner join reference.attachment_status as s on t.attachment_id = s.attachment_id
left join identity.alias as a
    on t.worker_id = a.worker_id and a.since_load <= %(load)s and (a.until_load is null or a.until_load > %(load)s)
where
    coalesce(a.person_id, t.worker_id) = any(%(persons)s)
    and s.since_load <= %(load)s and (s.until_load is null or s.until_load > %(load)s)
order by s.valid_from, t.attachment_id, s.since_load

-- name: handed_over
insert into audit.research_export (
    who, agreement, holder, agreement_sha256, manifest_sha256, load_id, first_day, last_day, persons, results
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- name: journal
select
    export_id, made_at, who, agreement, holder, agreement_sha256, manifest_sha256, first_day, last_day, persons, results
from audit.research_export
order by export_id
