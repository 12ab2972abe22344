-- name: causes
-- One page of causes; the two marks stand for one of the three orders below.
select
    c.cause_id, p.code, c.format, c.hold_codes, c.cause_siret,
    c.cause_person <> '00000000-0000-0000-0000-000000000000', c.cause_motive, c.rows, c.usv, c.oldest, t.week, t.before
from queue.cause as c
inner join ledger.partner as p on c.partner_id = p.partner_id
cross join lateral (
    select
        coalesce(sum(a.rows) filter (where a.day > %(today)s::date - 7), 0) as week,
        coalesce(sum(a.rows) filter (where a.day <= %(today)s::date - 7), 0) as before
    from queue.arrival as a
    where a.cause_id = c.cause_id and a.day > %(today)s::date - 14
) as t
where
    c.rows > 0
    and (%(partner)s::text is null or p.code = %(partner)s)
    and (%(format)s::text is null or c.format = %(format)s)
    and (%(codes)s::bigint is null or c.hold_codes & %(codes)s <> 0)
    and (%(siret)s::text is null or c.cause_siret like %(siret)s)
    and (%(motive)s::text is null or c.cause_motive = %(motive)s)
    and (%(until)s::date is null or c.oldest <= %(until)s)
    and (%(after_id)s::integer is null or /* after */)
order by /* order */
limit %(size)s

-- name: totals
select count(*), coalesce(sum(c.rows), 0), coalesce(sum(c.usv), 0), min(c.oldest)
from queue.cause as c
inner join ledger.partner as p on c.partner_id = p.partner_id
where
    c.rows > 0
    and (%(partner)s::text is null or p.code = %(partner)s)
    and (%(format)s::text is null or c.format = %(format)s)
    and (%(codes)s::bigint is null or c.hold_codes & %(codes)s <> 0)
    and (%(siret)s::text is null or c.cause_siret like %(siret)s)
    and (%(motive)s::text is null or c.cause_motive = %(motive)s)
    and (%(until)s::date is null or c.oldest <= %(until)s)

-- name: order_lignes
c.rows desc, c.cause_id

-- name: after_lignes
(c.rows < %(after)s::bigint or (c.rows = %(after)s::bigint and c.cause_id > %(after_id)s))

-- name: order_dose
c.usv desc, c.cause_id

-- name: after_dose
(c.usv < %(after)s::bigint or (c.usv = %(after)s::bigint and c.cause_id > %(after_id)s))

-- name: order_anciennete
c.oldest, c.cause_id

-- name: after_anciennete
(
    c.oldest > date '1970-01-01' + %(after)s::integer
    or (c.oldest = date '1970-01-01' + %(after)s::integer and c.cause_id > %(after_id)s)
)

-- name: senders
-- Senders and formats that something waits for, for the filters.
select p.code, c.format, sum(c.rows)
from queue.cause as c
inner join ledger.partner as p on c.partner_id = p.partner_id
where c.rows > 0
group by p.code, c.format
order by p.code, c.format

-- name: cause
select
    c.cause_id, p.code, c.format, c.hold_codes, c.cause_siret,
    c.cause_person <> '00000000-0000-0000-0000-000000000000', c.cause_motive, c.rows, c.usv, c.oldest
from queue.cause as c
inner join ledger.partner as p on c.partner_id = p.partner_id
where c.cause_id = %s

-- name: entries
-- One page of a cause's entries, in the order they came: read off the index, however deep the page is.
select
    e.entry_id, e.revision, e.submission_id, s.file_name, e.line, p.code, e.format, e.codes, e.waived, e.motive,
    s.received_at, e.received_on, e.siret, e.quantity, e.book_usv, e.sealed,
    exists (select 1 from queue.message as m where m.submission_id = e.submission_id and m.line = e.line)
from queue.cause as c
cross join lateral (
    select o.* from queue.entry as o
    where
        o.partner_id = c.partner_id and o.format = c.format and o.hold_codes = c.hold_codes
        and o.cause_siret = c.cause_siret and o.cause_person = c.cause_person and o.cause_motive = c.cause_motive
        and o.until_load is null
        and (o.received_on, o.entry_id) > (
            coalesce(date '1970-01-01' + %(after)s::integer, date '-infinity'), coalesce(%(after_id)s::integer, 0)
        )
    order by o.received_on, o.entry_id
    limit %(size)s
) as e
inner join ledger.partner as p on e.partner_id = p.partner_id
inner join ledger.submission as s on e.submission_id = s.submission_id
where c.cause_id = %(cause)s
order by e.received_on, e.entry_id

-- name: some_entries
-- These entries, waiting or not, in the order they came.
select
    e.entry_id, e.revision, e.submission_id, s.file_name, e.line, p.code, e.format, e.codes, e.waived, e.motive,
    s.received_at, e.received_on, e.siret, e.quantity, e.book_usv, e.sealed,
    exists (select 1 from queue.message as m where m.submission_id = e.submission_id and m.line = e.line)
from queue.entry as e
inner join ledger.partner as p on e.partner_id = p.partner_id
inner join ledger.submission as s on e.submission_id = s.submission_id
where e.entry_id = any(%s)
order by e.received_on, e.entry_id

-- name: waiting_of_person
-- What waits under any number of the person that this one stands for.
select e.entry_id
from queue.entry as e
where
    e.until_load is null and (
        e.person = %(person)s
        or e.person = any(array(
            select o.fingerprint
            from identity.identifier as i
            inner join identity.person as n on i.worker_id = n.worker_id
            inner join identity.person as q on n.person_id = q.person_id
            inner join identity.identifier as o on q.worker_id = o.worker_id
            where i.fingerprint = %(person)s and i.until_load is null and o.until_load is null
        ))
    )
order by e.entry_id
limit %(size)s

-- name: waiting_of_siret
select e.entry_id from queue.entry as e
where e.until_load is null and e.siret = %(siret)s
order by e.entry_id
limit %(size)s

-- name: waiting_of_submission
select e.entry_id from queue.entry as e
where e.until_load is null and e.submission_id = %(submission)s
order by e.line
limit %(size)s

-- name: known_entry
select 1 from queue.entry where entry_id = %s

-- name: rows_of_decision
-- Rows of a decision, and the entry under which each waits now, if it does.
select
    d.entry_id, d.submission_id, d.line, d.codes_before, d.outcome::text, d.codes_after,
    (
        select o.entry_id from queue.entry as o
        where o.submission_id = d.submission_id and o.line = d.line and o.until_load is null
    )
from queue.decision_entry as d
where d.decision_id = %s
order by d.entry_id
limit %s

-- name: deciders
-- Who decided lately, for the filter of the journal.
select distinct k.who
from (select who from queue.decision order by decision_id desc limit 2000) as k
order by k.who

-- name: numbers
-- All the entries of a cause, each with its revision.
select e.entry_id, e.revision
from queue.cause as c
inner join queue.entry as e
    on
        c.partner_id = e.partner_id and c.format = e.format and c.hold_codes = e.hold_codes
        and c.cause_siret = e.cause_siret and c.cause_person = e.cause_person and c.cause_motive = e.cause_motive
        and e.until_load is null
where c.cause_id = %s
order by e.entry_id

-- name: entry
select
    e.entry_id, e.revision, e.submission_id, s.file_name, e.line, p.code, e.format, e.codes, e.waived, e.motive,
    s.received_at, e.received_on, e.siret, e.quantity, e.book_usv, e.sealed, p.role, e.until_load is null, e.person, c.cause_id,
    (
        select o.entry_id from queue.entry as o
        where o.submission_id = e.submission_id and o.line = e.line and o.until_load is null
    )
from queue.entry as e
inner join ledger.partner as p on e.partner_id = p.partner_id
inner join ledger.submission as s on e.submission_id = s.submission_id
left join queue.cause as c
    on
        e.partner_id = c.partner_id and e.format = c.format and e.hold_codes = c.hold_codes
        and e.cause_siret = c.cause_siret and e.cause_person = c.cause_person and e.cause_motive = c.cause_motive
where e.entry_id = %s

-- name: next_entries
-- The neighbours of an entry in its cause: the one before and the one after.
select
    (
        select o.entry_id from queue.entry as o
        where
            o.until_load is null and o.partner_id = e.partner_id and o.format = e.format and o.hold_codes = e.hold_codes
            and o.cause_siret = e.cause_siret and o.cause_person = e.cause_person and o.cause_motive = e.cause_motive
            and (o.received_on, o.entry_id) < (e.received_on, e.entry_id)
        order by o.received_on desc, o.entry_id desc limit 1
    ),
    (
        select o.entry_id from queue.entry as o
        where
            o.until_load is null and o.partner_id = e.partner_id and o.format = e.format and o.hold_codes = e.hold_codes
            and o.cause_siret = e.cause_siret and o.cause_person = e.cause_person and o.cause_motive = e.cause_motive
            and (o.received_on, o.entry_id) > (e.received_on, e.entry_id)
        order by o.received_on asc, o.entry_id asc limit 1
    )
from queue.entry as e
where e.entry_id = %s

-- name: worker
-- The person that a fingerprint stands for: number, civil identity, identifiers, verification.
select
    n.person_id, c.last_name, c.first_name, c.birth_day, c.sex, v.state,
    (
        select array_agg(o.sealed order by (o.kind = 'NIR') desc, o.since_load desc)
        from identity.identifier as o
        inner join identity.person as q on o.worker_id = q.worker_id
        where q.person_id = n.person_id and o.until_load is null
    )
from identity.identifier as i
inner join identity.person as n on i.worker_id = n.worker_id
inner join identity.civil as c on n.person_id = c.worker_id and c.until_load is null
left join identity.verification as v on n.person_id = v.worker_id and v.until_load is null
where i.fingerprint = %s and i.until_load is null

-- name: attachments
select
    e.siret, coalesce(nullif(s.usual_name, ''), s.sign), p.start_day, p.end_day, t.class, t.other_exposure, t.trade,
    s.state, case when s.state = 'F' then s.state_since end
from identity.person as n
inner join reference.attachment as a on n.worker_id = a.worker_id
inner join reference.establishment as e on a.establishment_id = e.establishment_id
inner join reference.establishment_state as s on e.establishment_id = s.establishment_id and s.until_load is null
inner join reference.attachment_period as p on a.attachment_id = p.attachment_id and p.until_load is null
left join lateral (
    select class, other_exposure, trade from reference.attachment_status as t
    where t.attachment_id = a.attachment_id and t.until_load is null order by t.valid_from desc limit 1
) as t on true
where n.person_id = %s or n.worker_id = %s
order by (p.end_day is null) desc, p.start_day desc
limit 50

-- name: establishment
select
    e.siret, coalesce(nullif(s.usual_name, ''), s.sign), s.state, s.state_since, s.activity, s.municipality,
    (
        select count(*) from reference.attachment as a where a.establishment_id = e.establishment_id
    ),
    (
        select p.code from ledger.partner_siren as k
        inner join ledger.partner as p on k.partner_id = p.partner_id
        where k.siren = left(e.siret, 9) and k.until is null
    )
from reference.establishment as e
inner join reference.establishment_state as s on e.establishment_id = s.establishment_id and s.until_load is null
where e.siret = %s

-- name: measures
-- What the registry holds of a person, the latest first.
select v.format, v.day, e.siret, p.code, v.value_usv, v.submission_id, v.line
from (
    select 'PASSIVE' as format, end_day as day, establishment_id, sender_id, value_usv, submission_id, line, worker_id
    from dose.passive where worker_id = any(%(workers)s) and until_load is null
    union all
    select 'OPERATIONNELLE', date '1970-01-01' + end_minute / 1440, establishment_id, sender_id, value_usv, submission_id, line, worker_id
    from dose.operational where worker_id = any(%(workers)s) and until_load is null
    union all
    select 'INTERNE', end_day, establishment_id, sender_id, value_usv, submission_id, line, worker_id
    from dose.internal where worker_id = any(%(workers)s) and until_load is null
    union all
    select 'ENGAGEE', end_day, establishment_id, sender_id, value_usv, submission_id, line, worker_id
    from dose.committed where worker_id = any(%(workers)s) and until_load is null
    union all
    select 'NAVIGANT', end_day, establishment_id, sender_id, value_usv, submission_id, line, worker_id
    from dose.aircrew where worker_id = any(%(workers)s) and until_load is null
) as v
inner join reference.establishment as e on v.establishment_id = e.establishment_id
inner join ledger.partner as p on v.sender_id = p.partner_id
order by v.day desc, v.submission_id desc, v.line desc
limit 20

-- name: numbers_of_person
select worker_id from identity.person where person_id = %s or worker_id = %s

-- name: same_fault
-- How the same sender's same fault was settled lately: decisions, each judged by one of its rows.
select k.action, k.cause, count(*), max(k.decided_at)
from (select * from queue.decision where undone_load is null order by decision_id desc limit 500) as k
cross join lateral (
    select entry_id, codes_before from queue.decision_entry as d where d.decision_id = k.decision_id
    order by d.entry_id limit 1
) as d
inner join queue.entry as e on d.entry_id = e.entry_id
inner join queue.entry as o on e.partner_id = o.partner_id and e.format = o.format and o.entry_id = %(entry)s
where d.codes_before & %(holds)s = o.hold_codes
group by k.action, k.cause
order by count(*) desc

-- name: decisions_of_row
select
    k.decision_id, k.action, k.cause, k.motive, k.who, k.field, k.decided_at, k.undone_by, k.undone_at, k.undone_motive,
    d.codes_before, d.outcome::text, d.codes_after, d.sealed_before
from queue.decision_entry as d
inner join queue.decision as k on d.decision_id = k.decision_id
where d.submission_id = %s and d.line = %s
order by k.decision_id

-- name: journal
select
    k.decision_id, k.action, k.cause, k.motive, k.who, k.field, k.decided_at, k.undone_by, k.undone_at, k.undone_motive,
    k.standing_id, k.rows_integrated + k.rows_waiting + k.rows_rejected + k.rows_duplicate,
    k.rows_integrated, k.rows_waiting, k.rows_rejected, k.rows_duplicate
from queue.decision as k
where
    (%(one)s::integer is null or k.decision_id = %(one)s)
    and (%(who)s::text is null or k.who = %(who)s)
    and (%(after_id)s::integer is null or k.decision_id < %(after_id)s)
order by k.decision_id desc
limit %(size)s

