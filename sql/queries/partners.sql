-- name: add
insert into ledger.partner (code, role, identifiant, valid_from, valid_until, opened_on, is_open)
values (
    %(code)s, %(role)s, %(identifiant)s, %(from)s, %(until)s, %(today)s,
    coalesce(%(from)s <= %(today)s, true) and coalesce(%(until)s >= %(today)s, true)
)
on conflict (code) do nothing
returning partner_id

-- name: add_siren
insert into ledger.partner_siren (partner_id, siren, motive) values (%s, %s, %s)

-- name: siren_holder
select p.partner_id, p.code
from ledger.partner_siren as s
inner join ledger.partner as p on s.partner_id = p.partner_id
where s.siren = %s and s.until is null

-- name: release_siren
update ledger.partner_siren set until = clock_timestamp() where siren = %s and until is null

-- name: list
select
    p.code, p.role,
    array(select s.siren from ledger.partner_siren as s where s.partner_id = p.partner_id and s.until is null order by 1),
    p.identifiant, p.is_open
from ledger.partner as p
order by p.code

-- name: one
select partner_id, code, role, identifiant, created_at, is_open
from ledger.partner where code = %s

-- name: sirens
select siren, since, until, motive from ledger.partner_siren where partner_id = %s order by since, siren

-- name: disable
update ledger.partner set disabled_at = clock_timestamp(), disabled_for = 'DEMANDE'
where code = %s and disabled_at is null

-- name: reopen
update ledger.partner set disabled_at = null, disabled_for = null, warned_on = null, opened_on = %(today)s
where code = %(code)s and disabled_at is not null

-- name: set_days
update ledger.partner set valid_from = %(from)s, valid_until = %(until)s where code = %(code)s

-- name: life
-- Days of an account: from, until, last use, warned since, why it was disabled, when.
select p.valid_from, p.valid_until, ledger.last_use(p), p.warned_on, p.disabled_for, p.disabled_at
from ledger.partner as p
where p.code = %s

-- name: activity
select format, count(*), max(received_at) from ledger.submission where partner_id = %s group by format order by format
