-- name: person_of
-- The person that a fingerprint stands for, or ever stood for.
select n.person_id
from identity.identifier as i
inner join identity.person as n on i.worker_id = n.worker_id
where i.fingerprint = %s
order by i.until_load is not null, i.since_load desc
limit 1

-- name: own_row
-- The sender of a row, where it is a dose of one of these numbers or waits or waited under one of these fingerprints.
select p.code
from ledger.submission as s
inner join ledger.partner as p on s.partner_id = p.partner_id
where
    s.submission_id = %(submission)s
    and (
        exists (
            select 1 from dose.every_version as v
            where
                v.submission_id = s.submission_id and v.line = %(line)s
                and v.worker_id = any(%(numbers)s::integer[])
        )
        or exists (
            select 1 from queue.entry as e
            where
                e.submission_id = s.submission_id and e.line = %(line)s
                and e.person = any(%(prints)s::uuid[])
        )
    )

-- name: record
insert into rights.request (
    kind, worker_id, person, sealed, received_on, due_on, submission_id, line, message_id, who
) values (
    %(kind)s, %(worker)s, %(person)s, %(sealed)s, %(received)s, %(due)s, %(submission)s, %(line)s, %(message)s, %(who)s
)
returning request_id

-- name: listed
-- Requests, those whose deadline comes first before all; with who can mend what is asked for, and whether the row has
-- been replaced since. Closed ones last.
select
    r.request_id, r.kind, r.worker_id, r.received_on, r.due_on, r.extended_on is not null, r.closed_on, r.outcome,
    r.submission_id, r.line,
    case
        when r.submission_id is not null then array[s.code]
        when r.kind = 'RECTIFICATION' then array(
            select distinct h.code
            from reference.attachment as t
            inner join reference.establishment as e on t.establishment_id = e.establishment_id
            inner join ledger.partner_siren as k on left(e.siret, 9) = k.siren and k.until is null
            inner join ledger.partner as h on k.partner_id = h.partner_id and h.disabled_at is null
            where t.worker_id in (
                select o.worker_id
                from identity.person as n
                inner join identity.person as o on n.person_id = o.person_id
                where n.worker_id = r.worker_id
            )
            order by h.code
        )
        else '{}'
    end as menders,
    exists (
        select 1 from dose.every_version as v
        where v.submission_id = r.submission_id and v.line = r.line and v.until_code in ('C', 'A')
    ) as replaced
from rights.request as r
left join (
    select d.submission_id, p.code
    from ledger.submission as d
    inner join ledger.partner as p on d.partner_id = p.partner_id
) as s on r.submission_id = s.submission_id
where
    (%(one)s::integer is null or r.request_id = %(one)s)
    and (not %(open)s or r.closed_on is null)
order by r.closed_on is not null, r.due_on, r.request_id

-- name: one
select sealed, cleared_on, extended_motive, extended_by, motive, closed_by, who
from rights.request where request_id = %s

-- name: hold
select kind, due_on, extended_on, closed_on from rights.request where request_id = %s for update

-- name: extend
update rights.request set due_on = %s, extended_on = %s, extended_motive = %s, extended_by = %s where request_id = %s

-- name: close
update rights.request set closed_on = %s, outcome = %s, motive = %s, closed_by = %s where request_id = %s
