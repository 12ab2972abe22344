-- name: rows
-- Rows by sender as the integration of their file left them: received, those of them in files of measures, waiting,
-- rejected, late, with an unknown code.
with file as (
    select s.submission_id, s.load_id, p.code, s.format = any(%(formats)s) as measures
    from ledger.submission as s
    inner join ledger.partner as p on s.partner_id = p.partner_id
    where
        s.registry_date >= %(since)s and s.registry_date < %(until)s and s.load_id is not null
        and p.code <> 'REPRISE'
),

booked as (
    select
        f.code,
        sum(b.rows_integrated + b.rows_waiting + b.rows_rejected + b.rows_duplicate) as received,
        sum((b.rows_integrated + b.rows_waiting + b.rows_rejected + b.rows_duplicate) * f.measures::integer)
            as results,
        sum(b.rows_waiting) as waiting,
        sum(b.rows_rejected) as rejected
    from file as f
    inner join ledger.book as b on f.submission_id = b.submission_id and f.load_id = b.since_load
    where b.submission_id between %(first)s and %(last)s
    group by f.code
),

coded as (
    select
        f.code,
        count(*) filter (where e.codes & %(late)s <> 0) as late,
        count(*) filter (where e.codes & %(unknown)s <> 0) as unknown
    from file as f
    inner join ledger.row_entry as e on f.submission_id = e.submission_id and f.load_id = e.since_load
    where e.submission_id between %(first)s and %(last)s and e.codes & %(either)s <> 0
    group by f.code
)

select b.code, b.received, b.results, b.waiting, b.rejected, coalesce(c.late, 0), coalesce(c.unknown, 0)
from booked as b
left join coded as c on b.code = c.code
order by b.code

-- name: files
-- Files by the role of their sender: settled or refused, and refused for another reason than having been received.
select p.role, count(*), count(*) filter (where s.state = 'REFUSE' and s.file_code <> 'FIC-06')
from ledger.submission as s
inner join ledger.partner as p on s.partner_id = p.partner_id
where
    s.registry_date >= %(since)s and s.registry_date < %(until)s and s.state <> 'RECU' and p.code <> 'REPRISE'
group by p.role
order by p.role

-- name: passive
-- PASSIVE results that the month's files brought, by quantity, by sender, by sender and dosimeter: results, those with a
-- dose, those of them that count zero, and workers. A physician's adjustment is no result that came in.
with result as (
    select d.quantity, d.sender_id, d.dosimeter, d.worker_id, d.state, coalesce(d.value_usv, 0) as usv
    from dose.passive as d
    inner join ledger.submission as s on d.submission_id = s.submission_id
    inner join ledger.partner as f on s.partner_id = f.partner_id
    where
        d.submission_id between %(first)s and %(last)s and d.adjusts is null and f.code <> 'REPRISE'
        and s.registry_date >= %(since)s and s.registry_date < %(until)s
)

select
    q.code, p.code, t.code, count(*),
    count(*) filter (where r.state = any(%(measured)s)),
    count(*) filter (where r.state = any(%(measured)s) and r.usv = 0),
    count(distinct r.worker_id)
from result as r
inner join ledger.partner as p on r.sender_id = p.partner_id
inner join reference.code_list as q on q.list = 'PASSIVE.TYPE_MESURE' and r.quantity = q.number
inner join reference.code_list as t on t.list = 'PASSIVE.TYPE_DOSIMETRE' and r.dosimeter = t.number
group by grouping sets ((q.code), (p.code), (p.code, t.code))

-- name: other_doses
-- Operational results by quantity, and aircrew's: results, those that count zero, workers.
select q.code, count(*), count(*) filter (where d.value_usv = 0), count(distinct d.worker_id)
from dose.operational as d
inner join ledger.submission as s on d.submission_id = s.submission_id
inner join ledger.partner as p on s.partner_id = p.partner_id
inner join reference.code_list as q on q.list = 'OPERATIONNELLE.TYPE_MESURE' and d.quantity = q.number
where
    d.submission_id between %(first)s and %(last)s and p.code <> 'REPRISE'
    and s.registry_date >= %(since)s and s.registry_date < %(until)s
group by q.code
union all
select 'NAVIGANT', count(*), count(*) filter (where d.value_usv < %(aircrew_zero)s), count(distinct d.worker_id)
from dose.aircrew as d
inner join ledger.submission as s on d.submission_id = s.submission_id
inner join ledger.partner as p on s.partner_id = p.partner_id
where
    d.submission_id between %(first)s and %(last)s and p.code <> 'REPRISE' and d.adjusts is null
    and s.registry_date >= %(since)s and s.registry_date < %(until)s

-- name: means
-- Mean Hp(10) photon result in micro-sievert by domain of the worker's last known attachment there; results, workers.
with place as materialized (
    select distinct on (a.attachment_id) a.worker_id, a.establishment_id, s.domain
    from reference.attachment as a
    inner join reference.attachment_status as s on a.attachment_id = s.attachment_id
    where s.until_load is null and s.valid_from < %(until)s
    order by a.attachment_id, s.valid_from desc
)

select p.domain, count(*), count(distinct d.worker_id), avg(coalesce(d.value_usv, 0))
from dose.passive as d
inner join ledger.submission as s on d.submission_id = s.submission_id
inner join ledger.partner as f on s.partner_id = f.partner_id
inner join place as p on d.worker_id = p.worker_id and d.establishment_id = p.establishment_id
where
    d.submission_id between %(first)s and %(last)s and d.adjusts is null and f.code <> 'REPRISE'
    and s.registry_date >= %(since)s and s.registry_date < %(until)s
    and d.quantity = %(photons)s and d.state = any(%(measured)s)
group by p.domain
order by p.domain

-- name: coverage
-- By domain: workers attached at some time of the three months before, and those of them with a PASSIVE result of it,
-- as far as files received by the month's end say.
with seen as materialized (
    select distinct d.worker_id
    from dose.passive as d
    where
        d.end_day >= %(wear)s and d.end_day < %(since)s and d.submission_id <= %(last)s and d.until_load is null
        and d.year between extract(year from %(wear)s::date) and extract(year from %(since)s::date)
),

attached as materialized (
    select distinct on (a.worker_id) a.worker_id, s.domain
    from reference.attachment as a
    inner join reference.attachment_period as p on a.attachment_id = p.attachment_id
    inner join reference.attachment_status as s on a.attachment_id = s.attachment_id
    where
        p.until_load is null and p.start_day < %(since)s and coalesce(p.end_day, 'infinity') >= %(wear)s
        and s.until_load is null and s.valid_from < %(since)s
    order by a.worker_id, s.valid_from desc, a.attachment_id
)

select a.domain, count(*), count(n.worker_id)
from attached as a
left join seen as n on a.worker_id = n.worker_id
group by a.domain
order by a.domain

-- name: births
-- Identities that the month's files brought, and those born on 1 January: what is written where the day is not known.
select count(*), count(*) filter (where extract(doy from c.birth_day) = 1)
from identity.civil as c
inner join ledger.load as l on c.since_load = l.load_id
inner join ledger.submission as s on l.submission_id = s.submission_id
inner join ledger.partner as p on s.partner_id = p.partner_id
where
    l.submission_id between %(first)s and %(last)s and p.code <> 'REPRISE'
    and s.registry_date >= %(since)s and s.registry_date < %(until)s

-- name: waiting
-- Rows that wait, since when the oldest does, and how many rows were received within the days that a row may wait.
select
    (select count(*) from queue.entry as e where e.until_load is null),
    (select min(e.received_on) from queue.entry as e where e.until_load is null),
    coalesce((
        select sum(b.rows_integrated + b.rows_waiting + b.rows_rejected + b.rows_duplicate)
        from ledger.submission as s
        inner join ledger.book as b on s.submission_id = b.submission_id and s.load_id = b.since_load
        inner join ledger.partner as p on s.partner_id = p.partner_id
        where s.registry_date > %(oldest)s and p.code <> 'REPRISE'
    ), 0)

-- name: counted_months
-- Months of these whose last count was made after their end.
select r.month
from quality.run as r
where r.month = any(%s)
group by r.month
having (array_agg(r.whole order by r.run_id desc))[1]

-- name: begin
insert into quality.run (month, whole, registry_date) values (%s, %s, %s) returning run_id

-- name: forget
delete from quality.measure where month = %s

-- name: keep
insert into quality.measure (month, promise, subject, base, value, usual, gap, run_id)
values (%s, %s, %s, %s, %s, %s, %s, %s)

-- name: past
select m.promise, m.subject, m.value
from quality.measure as m
inner join quality.run as r on m.run_id = r.run_id
where m.month = any(%s) and r.whole
order by m.promise, m.subject, m.month

-- name: outside
-- Subjects whose gap lies outside a promise's bounds.
select m.subject
from quality.measure as m
where
    m.month = %(month)s and m.promise = %(promise)s
    and (m.gap < %(low)s::numeric or m.gap > %(high)s::numeric)
order by m.subject

-- name: judged
select count(m.gap) from quality.measure as m where m.month = %s and m.promise = %s

-- name: conclude
insert into quality.verdict (run_id, promise, judged, held, broken) values (%s, %s, %s, %s, %s)

-- name: standing
-- Verdicts of a month at its last check (back 1) and at the one before (2).
with judged as (
    select r.run_id, r.whole, r.registry_date, r.made_at, row_number() over (order by r.run_id desc) as back
    from quality.run as r
    where r.month = %(month)s and exists (select 1 from quality.verdict as v where v.run_id = r.run_id)
    order by r.run_id desc
    limit 2
)

select j.whole, j.registry_date, j.made_at, j.back, v.promise, v.judged, v.held, v.broken
from judged as j
inner join quality.verdict as v on j.run_id = v.run_id

-- name: measures
select m.promise, m.subject, m.base, m.value, m.usual, m.gap from quality.measure as m
where m.month = %s order by m.promise, m.subject
