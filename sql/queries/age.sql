-- name: recipients
-- Every key that a partner ever gave, and whether it is in force on a day.
select k.recipient, coalesce(k.until >= %(today)s, true)
from ledger.partner_age as k
inner join ledger.partner as p on k.partner_id = p.partner_id
where p.code = %(code)s
order by k.given_at, k.recipient

-- name: own
-- The registry's keys, the one in force first.
select i.recipient, i.made_at, i.until from ledger.age_identity as i order by i.until desc nulls first, i.made_at desc

-- name: alone
select pg_advisory_xact_lock(5351, 8)

-- name: end_own
-- All but the new one end with a day, if not sooner.
update ledger.age_identity set until = %(until)s where recipient <> %(recipient)s and (until is null or until > %(until)s)

-- name: add_own
insert into ledger.age_identity (recipient) values (%(recipient)s)

-- name: of_partner
select k.recipient, k.given_at, k.until
from ledger.partner_age as k
where k.partner_id = %s
order by k.until desc nulls first, k.given_at desc, k.recipient

-- name: end_keys
update ledger.partner_age set until = %(until)s
where partner_id = %(partner)s and recipient is distinct from %(recipient)s and (until is null or until > %(until)s)

-- name: give_key
insert into ledger.partner_age (partner_id, recipient) values (%(partner)s, %(recipient)s)
on conflict (partner_id, recipient) do update set until = null

-- name: demand
update ledger.partner set age_only = %(demanded)s where partner_id = %(partner)s

-- name: demanded
select age_only from ledger.partner where partner_id = %s

-- name: users
-- Accounts that send or receive encrypted files.
select p.partner_id, p.code
from ledger.partner as p
where
    p.disabled_at is null and (
        p.age_only or exists (select 1 from ledger.partner_age as k where k.partner_id = p.partner_id)
        or exists (select 1 from ledger.submission as s where s.partner_id = p.partner_id and s.age_recipient is not null)
    )
order by p.code

-- name: opened
update ledger.submission set clear_sha256 = decode(%(sha256)s, 'hex'), age_recipient = %(recipient)s
where submission_id = %(submission)s

-- name: opener
select age_recipient, encode(clear_sha256, 'hex') from ledger.submission where submission_id = %s

-- name: wanted
-- Keys of the registry that files of the archive need.
select distinct s.age_recipient
from ledger.submission as s
where s.age_recipient is not null and s.bytes_removed_on is null
order by s.age_recipient
