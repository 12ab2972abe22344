-- name: add
insert into ledger.partner (code, role, identifiant) values (%s, %s, %s)
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
    p.identifiant, p.disabled_at is null
from ledger.partner as p
order by p.code

-- name: one
select partner_id, code, role, identifiant, created_at, disabled_at is null
from ledger.partner where code = %s

-- name: sirens
select siren, since, until, motive from ledger.partner_siren where partner_id = %s order by since, siren

-- name: disable
update ledger.partner set disabled_at = clock_timestamp() where code = %s and disabled_at is null

-- name: activity
select format, count(*), max(received_at) from ledger.submission where partner_id = %s group by format order by format
