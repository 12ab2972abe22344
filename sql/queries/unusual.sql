-- name: watermark
select coalesce(max(load_id), 0) from unusual.evaluation

-- name: news
-- Whether a result began or ceased to hold since a load, and the latest day of what began.
select
    exists (select 1 from dose.passive where since_load > %(mark)s or until_load > %(mark)s),
    (
        select max(end_day) from dose.passive
        where since_load > %(mark)s and until_load is null and state = any(%(states)s)
    )

-- name: results
-- The results that hold, from a day on, with the activity held of the worker now and whether a person confirmed a fault.
with status as (
    select distinct on (a.worker_id, a.establishment_id)
        a.worker_id, a.establishment_id, t.number as trade, s.number as sector, d.number as domain
    from reference.attachment as a
    inner join reference.attachment_status as u on a.attachment_id = u.attachment_id and u.until_load is null
    left join reference.code_list as t on t.list = 'metier' and u.trade = t.code
    left join reference.code_list as s on s.list = 'secteur_activite' and u.sector = s.code
    left join reference.code_list as d on d.list = 'domaine_activite' and u.domain = d.code
    order by a.worker_id, a.establishment_id, u.valid_from desc
),
confirmed as (
    select distinct r.submission_id, r.line
    from unusual.flag_result as r
    inner join lateral (
        select w.answer from unusual.answer as w where w.flag_id = r.flag_id order by w.answer_id desc limit 1
    ) as l on l.answer = 'CONFIRMEE'
)
select
    n.person_id, d.establishment_id, d.sender_id, d.submission_id, d.line, d.quantity, d.location, d.dosimeter,
    d.start_day, d.end_day, case when d.state = %(below)s then 0 else coalesce(d.value_usv, 0) end,
    coalesce(s.trade, -1), coalesce(s.sector, -1), coalesce(s.domain, -1),
    case when c.line is null then 0 else 1 end, d.since_load
from dose.passive as d
inner join identity.person as n on d.worker_id = n.worker_id
left join status as s on d.worker_id = s.worker_id and d.establishment_id = s.establishment_id
left join confirmed as c on d.submission_id = c.submission_id and d.line = c.line
where
    d.until_load is null and d.state = any(%(states)s) and d.end_day >= %(first)s
    and not exists (
        select 1 from dose.passive_set_aside as k
        where k.sender_id = d.sender_id and k.measure_id = d.measure_id and k.year = d.year
    )

-- name: history
select submission_id from legacy.part

-- name: dismissed
-- What dismissed flags allow: by how much each passed its bound, for whom, where.
select f.kind, n.person_id, f.establishment_id, f.submission_id, f.line, f.score - f.bound
from unusual.flag as f
inner join identity.person as n on f.worker_id = n.worker_id
inner join lateral (
    select w.answer from unusual.answer as w where w.flag_id = f.flag_id order by w.answer_id desc limit 1
) as l on l.answer = 'ECARTEE'

-- name: raise
insert into unusual.flag (
    kind, submission_id, line, sender_id, establishment_id, worker_id, end_day, usv, score, bound, reason, distribution,
    model, since_load
) values (
    %(kind)s, %(submission)s, %(line)s, %(sender)s, %(establishment)s, %(person)s, %(day)s, %(usv)s, %(score)s,
    %(bound)s, %(reason)s, %(distribution)s, %(model)s, %(load)s
)
returning flag_id

-- name: raise_result
insert into unusual.flag_result (flag_id, submission_id, line) values (%s, %s, %s)

-- name: close_gone
-- A flag whose first result holds no longer (corrected, annulled, taken back) is over.
update unusual.flag as f
set until_load = %(load)s
where
    f.until_load is null
    and not exists (
        select 1 from dose.passive as d
        where d.submission_id = f.submission_id and d.line = f.line and d.until_load is null
    )

-- name: evaluated
insert into unusual.evaluation (load_id, model, results, flags, closed) values (%s, %s, %s, %s, %s)

-- name: listed
select
    f.flag_id, f.kind, f.reason, f.distribution, f.usv, f.end_day, f.submission_id, f.line, p.code, e.siret,
    f.worker_id, f.score, f.bound, f.model, b.recorded_at, u.recorded_at, l.answer, l.motive, l.who, l.recorded_at,
    (select count(*) from unusual.flag_result as r where r.flag_id = f.flag_id),
    case
        when l.answer is not null then l.answer
        when f.until_load is not null then 'CLOSE'
        else 'OUVERTE'
    end as state
from unusual.flag as f
inner join ledger.partner as p on f.sender_id = p.partner_id
inner join reference.establishment as e on f.establishment_id = e.establishment_id
inner join ledger.load as b on f.since_load = b.load_id
left join ledger.load as u on f.until_load = u.load_id
left join lateral (
    select w.answer, w.motive, w.who, o.recorded_at
    from unusual.answer as w
    inner join ledger.load as o on w.since_load = o.load_id
    where w.flag_id = f.flag_id
    order by w.answer_id desc
    limit 1
) as l on true
where
    (%(one)s::integer is null or f.flag_id = %(one)s)
    and (%(sender)s::text is null or p.code = %(sender)s)
    and (%(siret)s::text is null or e.siret = %(siret)s)
    and (%(kind)s::text is null or f.kind = %(kind)s)
    and (
        %(state)s::text is null
        or %(state)s = case
            when l.answer is not null then l.answer
            when f.until_load is not null then 'CLOSE'
            else 'OUVERTE'
        end
    )
    and (%(before)s::integer is null or f.flag_id < %(before)s)
order by f.flag_id desc
limit %(size)s

-- name: senders
select distinct p.code from unusual.flag as f
inner join ledger.partner as p on f.sender_id = p.partner_id
order by p.code

-- name: held
select f.submission_id, f.line, f.until_load is not null
from unusual.flag as f
where f.flag_id = %s

-- name: answer
insert into unusual.answer (flag_id, answer, motive, who, since_load) values (%s, %s, %s, %s, %s)
