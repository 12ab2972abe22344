-- name: candidates
-- Entries held by IDT-05, -06 or -07 whose missing reference may have come: the establishment, the
-- person or the pair is known now, or a standing decision names another one.
select e.entry_id
from queue.entry as e
left join reference.establishment as t on e.siret = t.siret
left join identity.identifier as i on e.person = i.fingerprint and i.until_load is null
left join identity.alias as m on i.worker_id = m.worker_id and m.until_load is null
left join lateral (
    -- Whatever number of the person is attached there.
    select a.attachment_id from reference.attachment as a
    where
        a.establishment_id = t.establishment_id
        and (
            a.worker_id = coalesce(m.person_id, i.worker_id)
            or a.worker_id in (
                select o.worker_id from identity.alias as o
                where o.person_id = coalesce(m.person_id, i.worker_id) and o.until_load is null
            )
        )
    limit 1
) as a on true
where
    e.until_load is null
    and (
        (e.codes & %(establishment)s <> 0 and t.establishment_id is not null)
        or (e.codes & %(worker)s <> 0 and i.worker_id is not null)
        or (e.codes & %(pair)s <> 0 and a.attachment_id is not null)
        -- Or the identifier is read as another one by now: a decision that was taken back left it as it was sent.
        or e.codes & (%(establishment)s | %(worker)s | %(pair)s) <> 0 and exists (
            select 1 from queue.standing as r
            where
                r.since_load is not null and r.until_load is null
                and (r.from_siret = e.siret or r.from_person = e.person)
                and (r.partner_id is null or r.partner_id = e.partner_id)
        )
    )
order by e.entry_id

-- name: expired
select entry_id, codes from queue.entry
where until_load is null and motive is null and received_on < %s order by entry_id

-- name: employers
-- Employers, what their delivered list was made from and what it should be made from now: rows of
-- others that wait for one of their SIREN.
select p.partner_id, p.code, d.signature, case when p.is_open then w.signature end
from ledger.partner as p
left join ledger.declaration_list as d on p.partner_id = d.partner_id
left join (
    -- What an entry waits under changes with decisions, under the same number.
    select
        s.partner_id,
        md5(string_agg(concat_ws(' ', e.entry_id, e.revision, e.siret, e.person), ',' order by e.entry_id)) as signature
    from queue.entry as e
    inner join ledger.partner_siren as s on left(e.siret, 9) = s.siren and s.until is null
    where
        e.until_load is null and e.codes & %(waits)s <> 0 and e.person is not null
        and e.format not in ('TRAVAILLEURS', 'SORTIES')
    group by s.partner_id
) as w on p.partner_id = w.partner_id
where
    p.role = 'EMPLOYEUR'
    and d.signature is distinct from case when p.is_open then w.signature end
order by p.code

-- name: declarations
-- One waiting row per worker and establishment, of a format that names the worker where there is one.
select distinct on (e.siret, e.person) e.format, e.siret, e.partner_id, e.received_on, e.sealed
from queue.entry as e
inner join ledger.partner_siren as s on left(e.siret, 9) = s.siren and s.until is null
where
    e.until_load is null and s.partner_id = %(partner)s and e.codes & %(waits)s <> 0 and e.person is not null
    and e.format not in ('TRAVAILLEURS', 'SORTIES')
order by e.siret asc, e.person asc, (e.format in ('PASSIVE', 'INTERNE')) desc, e.entry_id asc

-- name: declared
insert into ledger.declaration_list (partner_id, signature) values (%s, %s)
on conflict (partner_id) do update set signature = excluded.signature, delivered_at = clock_timestamp()

-- name: undeclared
delete from ledger.declaration_list where partner_id = %s
