-- name: standing
-- The exceedances as the registry held them after a load: a part of the queries below, put in the place of its name.
-- One that no longer holds keeps its last reckoning. One that waits for a physician has a deadline.
select
    e.exceedance_id, e.limit_code, e.place, r.worker_id, r.establishment_id, r.value_usv, r.window_start, r.window_end,
    r.first_day, r.last_day, s.state, s.valid_from, t.siret,
    case when s.state = any(%(open)s) then s.valid_from + %(delay)s::integer end as deadline,
    w.reason as absent
from exposure.state as s
inner join exposure.exceedance as e on s.exceedance_id = e.exceedance_id
inner join lateral (
    select k.* from exposure.reckoning as k
    where k.exceedance_id = e.exceedance_id and k.since_load <= %(at)s
    order by k.since_load desc
    limit 1
) as r on true
inner join reference.establishment as t on r.establishment_id = t.establishment_id
left join exposure.without_physician as w
    on e.exceedance_id = w.exceedance_id and w.since_load <= %(at)s and (w.until_load is null or w.until_load > %(at)s)
where
    s.since_load <= %(at)s and (s.until_load is null or s.until_load > %(at)s)
    and (%(one)s::integer is null or e.exceedance_id = %(one)s)
    and (%(limits)s::text[] is null or e.limit_code = any(%(limits)s))
    and (%(siret)s::text is null or t.siret like %(siret)s)

-- name: counts
-- By state, whatever the state asked for: how many, of them without physician, of them with the deadline near.
with standing as (/* standing */)
select
    k.state,
    count(*),
    count(*) filter (where k.absent is not null),
    count(*) filter (where k.deadline <= %(near)s)
from standing as k
where
    (not %(alone)s or k.absent is not null)
    and (%(until)s::date is null or k.deadline <= %(until)s)
group by k.state

-- name: listed
-- A page of them, each with whom it is about, as known then.
with standing as (/* standing */),
chosen as (
    select k.*, row_number() over (order by /* order */) as rank
    from standing as k
    where
        (%(state)s::text is null or k.state = %(state)s)
        and (not %(alone)s or k.absent is not null)
        and (%(until)s::date is null or k.deadline <= %(until)s)
    order by rank
    limit %(size)s offset %(skipped)s
)
select
    k.exceedance_id, k.limit_code, k.place, k.window_start, k.window_end, k.first_day, k.last_day, k.value_usv, k.state,
    k.valid_from, k.deadline, k.absent, k.siret, k.worker_id, k.establishment_id, n.person_id,
    i.sealed, c.last_name, c.first_name, c.birth_day
from chosen as k
left join identity.alias as a
    on k.worker_id = a.worker_id and a.since_load <= %(at)s and (a.until_load is null or a.until_load > %(at)s)
cross join lateral (select coalesce(a.person_id, k.worker_id) as person_id) as n
left join identity.civil as c
    on n.person_id = c.worker_id and c.since_load <= %(at)s and (c.until_load is null or c.until_load > %(at)s)
left join lateral (
    select o.sealed from identity.identifier as o
    where
        o.since_load <= %(at)s and (o.until_load is null or o.until_load > %(at)s)
        and o.worker_id = any(
            array(
                select n.person_id
                union all
                select m.worker_id from identity.alias as m
                where
                    m.person_id = n.person_id and m.since_load <= %(at)s
                    and (m.until_load is null or m.until_load > %(at)s)
            )
        )
    order by (o.kind = 'NIR') desc, (o.worker_id = n.person_id) desc, o.since_load desc, o.fingerprint asc
    limit 1
) as i on true
order by k.rank

-- name: order_recents
k.exceedance_id desc

-- name: order_fenetre
k.window_end desc, k.exceedance_id desc

-- name: order_valeur
-- How far above its limit.
k.value_usv / (%(thresholds)s::jsonb ->> k.limit_code)::numeric desc, k.exceedance_id desc

-- name: order_echeance
k.deadline asc nulls last, k.exceedance_id asc

-- name: order_etablissement
k.siret asc, k.exceedance_id desc

-- name: numbers
-- Every number under which a person was known then.
select %(person)s::integer
union
select a.worker_id from identity.alias as a
where
    a.person_id = %(person)s and a.since_load <= %(at)s and (a.until_load is null or a.until_load > %(at)s)

-- name: results
-- A person's results as they were held then, each with the line that brought it, the entry of the queue where it waited
-- before, whether a physician's version stands in for it, and by which exceedance's conclusion it was adjusted. For a
-- past hour, the physician's version is looked for among the person's own.
with held as (
    select
        d.establishment_id, d.quantity as kind, d.location, d.start_day, d.end_day,
        case when d.state = %(below)s then 0 else coalesce(d.value_usv, 0) end as usv, d.sender_id, d.submission_id,
        d.line,
        case
            when %(current)s then exists (
                select 1 from dose.passive_set_aside as k
                where k.sender_id = d.sender_id and k.measure_id = d.measure_id and k.year = d.year
            )
            else exists (
                select 1 from dose.passive as m
                inner join ledger.partner as p on m.sender_id = p.partner_id and p.role = 'MDT'
                inner join ledger.partner as o on d.sender_id = o.partner_id and o.role = 'OA'
                where
                    m.worker_id = any(%(numbers)s) and m.measure_id = o.code || '/' || d.measure_id
                    and m.year between d.year - 1 and d.year + 1
                    and m.since_load <= %(at)s and (m.until_load is null or m.until_load > %(at)s)
            )
        end as aside,
        d.adjusts
    from dose.passive as d
    where
        d.worker_id = any(%(numbers)s) and d.state = any(%(states)s)
        and d.since_load <= %(at)s and (d.until_load is null or d.until_load > %(at)s)
    union all
    select
        d.establishment_id, %(committed)s::smallint, -1::smallint, d.end_day, d.end_day, d.value_usv, d.sender_id,
        d.submission_id, d.line, false, d.adjusts
    from dose.committed as d
    where
        d.worker_id = any(%(numbers)s)
        and d.since_load <= %(at)s and (d.until_load is null or d.until_load > %(at)s)
    union all
    select
        d.establishment_id, %(aircrew)s::smallint, -1::smallint, date_trunc('month', d.end_day)::date, d.end_day,
        d.value_usv, d.sender_id, d.submission_id, d.line, false, d.adjusts
    from dose.aircrew as d
    where
        d.worker_id = any(%(numbers)s)
        and d.since_load <= %(at)s and (d.until_load is null or d.until_load > %(at)s)
)
select
    h.establishment_id, h.kind, h.location, h.start_day, h.end_day, h.usv, h.aside, t.siret, p.code, p.role,
    h.submission_id, h.line, u.file_name, u.received_at,
    (select max(q.entry_id) from queue.entry as q where q.submission_id = h.submission_id and q.line = h.line),
    h.adjusts
from held as h
inner join reference.establishment as t on h.establishment_id = t.establishment_id
inner join ledger.partner as p on h.sender_id = p.partner_id
inner join ledger.submission as u on h.submission_id = u.submission_id
order by h.end_day, h.start_day, h.submission_id, h.line

-- name: physicians
-- Of establishments, whom they designated on a day as occupational physician, as known then; one line without any.
select
    t.siret, coalesce(nullif(s.usual_name, ''), s.sign), d.identifiant, d.last_name, d.first_name, d.start_day,
    d.end_day
from reference.establishment as t
left join reference.establishment_state as s
    on
        t.establishment_id = s.establishment_id and s.since_load <= %(at)s
        and (s.until_load is null or s.until_load > %(at)s)
left join reference.designation as d
    on
        t.establishment_id = d.establishment_id and d.role = 'MDT'
        and d.start_day <= %(day)s and (d.end_day is null or d.end_day >= %(day)s)
        and d.since_load <= %(at)s and (d.until_load is null or d.until_load > %(at)s)
where t.establishment_id = any(%(establishments)s)
order by t.siret, d.start_day, d.identifiant

-- name: as_of
select ledger.as_of(%s)

-- name: told
-- The notices decided by then; one delivered later was still owed.
select
    n.audience, p.code, n.state, n.revision, n.withdrawn, b.recorded_at,
    case when %(hour)s::timestamptz is null or n.told_at <= %(hour)s then n.told_at end
from exposure.notice as n
inner join ledger.partner as p on n.partner_id = p.partner_id
inner join ledger.load as b on n.since_load = b.load_id
where n.exceedance_id = %(one)s and n.since_load <= %(at)s
order by n.notice_id
