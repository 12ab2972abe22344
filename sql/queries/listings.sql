-- name: submissions
select
    s.submission_id, p.code, s.file_name, encode(s.sha256, 'hex'), s.format, s.state, s.file_code, s.received_at,
    s.first_submission_id,
    b.received, b.integrated, b.waiting, b.rejected, b.duplicate, s.answered_at is not null, s.incidents,
    s.held_at
from ledger.submission as s
inner join ledger.partner as p on s.partner_id = p.partner_id
left join lateral (
    select
        sum(rows_received) as received, sum(rows_integrated) as integrated, sum(rows_waiting) as waiting,
        sum(rows_rejected) as rejected, sum(rows_duplicate) as duplicate
    from ledger.book as k
    left join ledger.submission as f on s.first_submission_id = f.submission_id
    where
        k.submission_id = coalesce(s.first_submission_id, s.submission_id)
        -- A file received before is answered with the first one's figures as first sent.
        and case when f.load_id is null then k.until_load is null else k.since_load = f.load_id end
) as b on true
where %(one)s::integer is null or s.submission_id = %(one)s
order by s.submission_id

-- name: queue
select
    e.entry_id, e.submission_id, e.line, p.code, e.format, e.codes, s.received_at, e.siret, e.person is not null,
    e.quantity, e.book_usv, e.sealed, e.motive, e.received_on
from queue.entry as e
inner join ledger.partner as p on e.partner_id = p.partner_id
inner join ledger.submission as s on e.submission_id = s.submission_id
where e.until_load is null and (%(one)s::integer is null or e.entry_id = %(one)s)
order by e.entry_id

-- name: workers
-- Of several attachments of one person to one establishment: one in force, else the latest to start, else
-- the one that new rows act upon.
with listed as (
    select distinct on (a.establishment_id, n.person_id)
        n.person_id, a.establishment_id, e.siret, a.attachment_id, p.start_day, p.end_day
    from reference.attachment as a
    inner join reference.establishment as e on a.establishment_id = e.establishment_id
    inner join identity.person as n on a.worker_id = n.worker_id
    inner join lateral (
        select start_day, end_day from reference.attachment_period
        where attachment_id = a.attachment_id and until_load is null
        order by number desc limit 1
    ) as p on true
    where %(siret)s::text is null or e.siret = %(siret)s
    order by
        a.establishment_id asc, n.person_id asc,
        (p.start_day <= %(today)s and (p.end_day is null or p.end_day >= %(today)s)) desc,
        p.start_day desc, (a.worker_id = n.person_id) desc, a.attachment_id desc
)
select
    k.person_id, i.sealed, c.last_name, c.first_name, k.siret, k.start_day, k.end_day, t.class, t.other_exposure,
    t.domain, t.sector, t.trade,
    exists (
        select 1 from reference.designation as d
        where
            d.establishment_id = k.establishment_id and d.role = 'OA' and d.until_load is null
            and d.start_day <= %(today)s and (d.end_day is null or d.end_day >= %(today)s)
    ),
    v.state, v.verified_on
from listed as k
inner join identity.civil as c on k.person_id = c.worker_id and c.until_load is null
inner join lateral (
    select o.sealed from identity.identifier as o
    where
        o.until_load is null
        and o.worker_id = any(
            array(
                select k.person_id
                union all
                select m.worker_id from identity.alias as m where m.person_id = k.person_id and m.until_load is null
            )
        )
    order by (o.kind = 'NIR') desc, (o.worker_id = k.person_id) desc, o.since_load desc, o.fingerprint asc
    limit 1
) as i on true
inner join lateral (
    select class, other_exposure, domain, sector, trade from reference.attachment_status
    where attachment_id = k.attachment_id and until_load is null
    order by (valid_from <= %(today)s) desc, case when valid_from <= %(today)s then valid_from end desc, valid_from asc
    limit 1
) as t on true
left join identity.verification as v on k.person_id = v.worker_id and v.until_load is null
order by k.siret, c.last_name, c.first_name, k.person_id
