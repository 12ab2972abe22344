-- name: owed
-- Open accounts that have no scorecard of this month yet: senders with a file in the month that ended or
-- one of the two before, and the ministry where there is any such sender.
with recent as (
    select distinct s.partner_id
    from ledger.submission as s
    where s.registry_date >= %(window)s and s.registry_date < %(until)s
)
select p.partner_id, p.code, p.role
from ledger.partner as p
where
    p.is_open
    and (
        p.partner_id in (select r.partner_id from recent as r)
        or (p.role = 'DGT' and exists (select 1 from recent))
    )
    and not exists (
        select 1 from ledger.monthly_list as m
        where m.partner_id = p.partner_id and m.month >= %(month)s and starts_with(m.name, 'bilan-')
    )
order by p.code

-- name: senders
-- Who sent a file lately, closed accounts too, and when the last one of the window came.
select p.partner_id, p.code, p.role, max(s.registry_date)
from ledger.submission as s
inner join ledger.partner as p on s.partner_id = p.partner_id
where s.registry_date >= %(window)s and s.registry_date < %(until)s
group by p.partner_id, p.code, p.role
order by p.code

-- name: bounds
-- First and last submission of a month (the registry's date of reception says which): what keeps the next queries away from all the rest.
select min(s.submission_id), max(s.submission_id)
from ledger.submission as s
where s.registry_date >= %(since)s and s.registry_date < %(until)s

-- name: files
-- Files by what became of them as of a load: one that was settled or refused later is still under way.
with file as (
    select
        s.partner_id, s.state, s.file_code,
        case
            when s.state = 'TRAITE' then s.load_id <= %(load)s
            else exists (
                select 1 from ledger.load as l
                where l.submission_id = s.submission_id and l.kind = 'refuse' and l.load_id <= %(load)s
            )
        end as settled
    from ledger.submission as s
    where s.registry_date >= %(since)s and s.registry_date < %(until)s
)

select
    f.partner_id,
    case when f.settled then f.state else 'RECU' end,
    case when f.settled then f.file_code end,
    count(*)
from file as f
group by 1, 2, 3

-- name: rows
-- Rows by outcome: as the integrating load left them, and as they stand as of a load.
select
    s.partner_id,
    coalesce(sum(b.rows_integrated) filter (where b.since_load = s.load_id), 0),
    coalesce(sum(b.rows_waiting) filter (where b.since_load = s.load_id), 0),
    coalesce(sum(b.rows_rejected) filter (where b.since_load = s.load_id), 0),
    coalesce(sum(b.rows_duplicate) filter (where b.since_load = s.load_id), 0),
    coalesce(sum(b.rows_integrated) filter (where b.until_load is null or b.until_load > %(load)s), 0),
    coalesce(sum(b.rows_waiting) filter (where b.until_load is null or b.until_load > %(load)s), 0),
    coalesce(sum(b.rows_rejected) filter (where b.until_load is null or b.until_load > %(load)s), 0),
    coalesce(sum(b.rows_duplicate) filter (where b.until_load is null or b.until_load > %(load)s), 0)
from ledger.submission as s
inner join ledger.book as b on s.submission_id = b.submission_id
where
    s.registry_date >= %(since)s and s.registry_date < %(until)s
    and b.submission_id between %(first)s and %(last)s and b.since_load <= %(load)s
group by s.partner_id

-- name: codes
-- Rows by what they carried when their file was integrated, codes as bits.
select s.partner_id, e.codes, count(*)
from ledger.submission as s
inner join ledger.row_entry as e on s.submission_id = e.submission_id and s.load_id = e.since_load
where
    s.registry_date >= %(since)s and s.registry_date < %(until)s and s.load_id <= %(load)s
    and e.submission_id between %(first)s and %(last)s and e.codes <> 0
group by s.partner_id, e.codes

-- name: settled
-- Rows that have left the queue as of a load, by the kind of the load that gave them the outcome they have by then.
select s.partner_id, l.kind, count(*)
from ledger.submission as s
inner join ledger.row_entry as e on s.submission_id = e.submission_id and s.load_id < e.since_load
inner join ledger.load as l on e.since_load = l.load_id
where
    s.registry_date >= %(since)s and s.registry_date < %(until)s
    and e.submission_id between %(first)s and %(last)s and e.outcome <> 'A'
    and e.since_load <= %(load)s and (e.until_load is null or e.until_load > %(load)s)
group by s.partner_id, l.kind

-- name: cured
-- Rows that waited and then integrated, and the median of the days from reception to integration; by
-- sender, and by role over all its rows.
select
    s.partner_id, p.role, count(*),
    percentile_disc(0.5) within group (
        order by
            greatest(
                0, (l.recorded_at at time zone 'Europe/Paris')::date - (s.received_at at time zone 'Europe/Paris')::date
            )
    )
from ledger.submission as s
inner join ledger.partner as p on s.partner_id = p.partner_id
inner join ledger.row_entry as f
    on s.submission_id = f.submission_id and s.load_id = f.since_load and f.outcome = 'A'
inner join ledger.row_entry as e
    on f.submission_id = e.submission_id and f.line = e.line and f.since_load < e.since_load
inner join ledger.load as l on e.since_load = l.load_id
where
    s.registry_date >= %(since)s and s.registry_date < %(until)s
    and f.submission_id between %(first)s and %(last)s and e.outcome = 'I'
    and e.since_load <= %(load)s and (e.until_load is null or e.until_load > %(load)s)
group by grouping sets ((s.partner_id), (p.role))

-- name: delays
-- Measures that files brought, replaced ones included, with median and ninth decile of the days from the
-- end of their period to the reception of their file; by sender and format, and by role and format over
-- all its rows. A version that an undone decision brought (U), or that the undoing gave its force back, is
-- not a measure more.
with measured as (
    select d.submission_id, d.since_load, d.until_code, 'PASSIVE' as format, d.end_day
    from dose.passive as d where d.submission_id between %(first)s and %(last)s
    union all
    select
        d.submission_id, d.since_load, d.until_code, 'OPERATIONNELLE' as format,
        (timestamp '1970-01-01' + d.end_minute * interval '1 minute')::date as end_day
    from dose.operational as d where d.submission_id between %(first)s and %(last)s
    union all
    select d.submission_id, d.since_load, d.until_code, 'INTERNE' as format, d.end_day
    from dose.internal as d where d.submission_id between %(first)s and %(last)s
    union all
    select d.submission_id, d.since_load, d.until_code, 'NAVIGANT' as format, d.end_day
    from dose.aircrew as d where d.submission_id between %(first)s and %(last)s
),

delayed as (
    select
        s.partner_id, p.role, m.format,
        greatest(0, s.registry_date - m.end_day) as days
    from ledger.submission as s
    inner join ledger.partner as p on s.partner_id = p.partner_id
    inner join measured as m on s.submission_id = m.submission_id and s.format = m.format
    where
        s.registry_date >= %(since)s and s.registry_date < %(until)s and m.until_code is distinct from 'U'
        and not exists (select 1 from ledger.load as l where l.load_id = m.since_load and l.kind = 'undo')
)

select
    d.partner_id, d.role, d.format, count(*),
    percentile_disc(0.5) within group (order by d.days),
    percentile_disc(0.9) within group (order by d.days)
from delayed as d
group by grouping sets ((d.partner_id, d.format), (d.role, d.format))
