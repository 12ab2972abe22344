-- name: entries
insert into audit.look (who, door, what, entry_id)
select %s, %s, %s, e.entry_id from unnest(%s::integer[]) as e (entry_id)

-- name: records
insert into audit.look (who, door, what, records) values (%s, %s, %s, %s)

-- name: of_entry
select looked_at, who, door, what from audit.look where entry_id = %s order by look_id desc limit 50

-- name: listed
-- Looks from one day to another, by whom and at whom; the newest first, or in the order of the chain.
select
    l.look_id, l.looked_at, l.who, l.door, l.what, l.held,
    l.entry_id, e.submission_id, e.line, l.worker_id, l.records,
    k.place, k.digest, audit.content(l) as content
from audit.look as l
left join audit.link as k on l.look_id = k.look_id
left join queue.entry as e on l.entry_id = e.entry_id
where
    (%(first)s::timestamptz is null or l.looked_at >= %(first)s)
    and (%(beyond)s::timestamptz is null or l.looked_at < %(beyond)s)
    and (%(who)s::text is null or l.who = %(who)s)
    and (
        %(person)s::uuid is null
        or e.person = any(%(prints)s)
        or l.worker_id = any(%(numbers)s)
    )
order by
    case when %(chained)s then k.place end nulls last,
    l.look_id desc
limit %(most)s offset %(skipped)s

-- name: known_as
-- Every number of a person, and the fingerprints it was ever known under, identities merged included.
with numbers as (
    select q.worker_id
    from identity.identifier as i
    inner join identity.person as n on i.worker_id = n.worker_id
    inner join identity.person as q on n.person_id = q.person_id
    where i.fingerprint = %s
)
select n.worker_id, i.fingerprint
from numbers as n
inner join identity.identifier as i on n.worker_id = i.worker_id

-- name: head
select place, digest from audit.head

-- name: link_at
select digest from audit.link where place = %s
