-- name: partner
select partner_id, role from ledger.partner where code = %s and is_open

-- name: partners
-- Whose depots are looked into. An account whose last day is past is among them: nobody can log in to it any more, so
-- what lies there was dropped in time, and is owed an answer. One that was disabled, or is yet to begin, waits.
select partner_id, code, role from ledger.partner
where
    disabled_at is null and (valid_from is null or valid_from <= %(today)s)
    and (%(only)s::text [] is null or code = any(%(only)s))
order by code

-- name: unfinished_drop
select submission_id, drop_number from ledger.submission
where
    partner_id = %s and file_name = %s and not left_depot and encode(sha256, 'hex') = %s
    and depot_mtime = %s
order by submission_id desc limit 1

-- name: not_noted
-- Drops in the ledger that have not left their depot as far as it knows.
select s.submission_id, s.partner_id, p.code, s.file_name, s.drop_number, encode(s.sha256, 'hex')
from ledger.submission as s inner join ledger.partner as p using (partner_id)
where (s.answered_at is null or not s.left_depot) and not s.left_depot
order by s.submission_id

-- name: next_number
select coalesce(max(drop_number), 0) + 1 from ledger.submission where partner_id = %s and file_name = %s

-- name: bears_name
-- Whether another drop's answers bear the name that this one's would: one dropped as name~2 as such, or, where this
-- is the first x~2, the second drop of x.
select exists (
    select 1 from ledger.submission as o
    where
        o.partner_id = %(partner)s and %(number)s > 1 and o.file_name = %(name)s || '~' || %(number)s
        and o.drop_number = 1
) or exists (
    select 1
    from regexp_match(%(name)s, '^(.*)~([1-9][0-9]{0,8})$') as m (part)
    inner join ledger.submission as o on o.file_name = m.part[1] and o.drop_number = m.part[2]::integer
    where o.partner_id = %(partner)s and %(number)s = 1
)

-- name: receive
insert into ledger.submission (
    partner_id, file_name, drop_number, sha256, size_bytes, depot_mtime, marker, registry_date
)
values (
    %(partner)s, %(name)s, %(number)s, decode(%(sha256)s, 'hex'), %(size)s, %(mtime)s, %(marker)s, %(today)s
)
returning submission_id, drop_number

-- name: receipt
select
    s.submission_id, p.code, s.file_name, s.drop_number, encode(s.sha256, 'hex'), s.size_bytes, s.received_at
from ledger.submission as s
inner join ledger.partner as p on s.partner_id = p.partner_id
where s.submission_id = %s

-- name: left_depot
update ledger.submission set left_depot = true where submission_id = %s

-- name: entered
select encode(sha256, 'hex') from ledger.submission where submission_id = %s

-- name: arrival
select
    file_name, drop_number, encode(sha256, 'hex'), size_bytes, depot_mtime, marker, received_at, registry_date
from ledger.submission
where submission_id = %s
