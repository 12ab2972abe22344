-- name: homes
-- Accounts whose answers may hold identities, disabled ones too.
select partner_id, code from ledger.partner where role not in ('DGT', 'DSND') order by partner_id

-- name: looked_everywhere
select exists (select 1 from ledger.removal where rule = 'PASSAGE' and registry_date = %s)

-- name: kept
select partner_id, name_digest, mtime, seen_on from ledger.kept_answer where partner_id = any(%s)

-- name: keep
insert into ledger.kept_answer (partner_id, name_digest, mtime, seen_on) values (%s, %s, %s, %s)
on conflict (partner_id, name_digest) do update set mtime = excluded.mtime, seen_on = excluded.seen_on

-- name: forget
delete from ledger.kept_answer where partner_id = %s and name_digest = any(%s)

-- name: removed
insert into ledger.removal (rule, partner_id, registry_date, files) values (%s, %s, %s, %s)
