-- name: turned
-- Write down who is open on a day; gives those for whom that changes.
update ledger.partner as p set is_open = n.is_open
from (
    select
        o.partner_id,
        o.disabled_at is null and coalesce(o.valid_from <= %(today)s, true) and coalesce(o.valid_until >= %(today)s, true)
            as is_open
    from ledger.partner as o
) as n
where p.partner_id = n.partner_id and p.is_open <> n.is_open
returning p.code, p.is_open, p.valid_until

-- name: looked
select exists (select 1 from ledger.doors_look where registry_date = %s)

-- name: note_look
insert into ledger.doors_look (registry_date) values (%s)
on conflict (only_one) do update set registry_date = excluded.registry_date

-- name: note_login
update ledger.partner set last_login = %(day)s where code = %(code)s and last_login is distinct from %(day)s

-- name: uses
-- Accounts that are open, since when each is warned, when it was used last.
select p.partner_id, p.code, p.warned_on, ledger.last_use(p) from ledger.partner as p where p.is_open order by p.code

-- name: warn
update ledger.partner set warned_on = %(day)s where partner_id = %(partner)s

-- name: close_unused
update ledger.partner set disabled_at = clock_timestamp(), disabled_for = 'INUTILISE', warned_on = null
where partner_id = %(partner)s and disabled_at is null

-- name: door
select is_open, valid_until from ledger.partner where code = %s

-- name: all
select code, is_open, valid_until from ledger.partner order by code

-- name: keys
select k.name, k.line
from ledger.partner_key as k
inner join ledger.partner as p on k.partner_id = p.partner_id
where p.code = %s
order by k.name

-- name: write_key
insert into ledger.partner_key (partner_id, name, line)
select p.partner_id, %(name)s, %(line)s from ledger.partner as p where p.code = %(code)s
on conflict (partner_id, name) do update set line = excluded.line

-- name: revoke_key
delete from ledger.partner_key as k using ledger.partner as p
where k.partner_id = p.partner_id and p.code = %(code)s and k.name = %(name)s
