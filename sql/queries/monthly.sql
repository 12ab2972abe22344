-- name: owed
-- Open accounts that have nothing of this month yet, where there is something to tell or was before:
-- an employer with an attachment in force, a body that an establishment designates. Scorecards stand in
-- the same ledger and count for nothing here.
select p.partner_id, p.code, p.role
from ledger.partner as p
where
    p.is_open and p.role in ('EMPLOYEUR', 'OA', 'EXPLOITANT')
    and not exists (
        select 1 from ledger.monthly_list as m
        where m.partner_id = p.partner_id and m.month >= %(month)s and not starts_with(m.name, 'bilan-')
    )
    and (
        exists (
            select 1 from ledger.monthly_list as m
            where m.partner_id = p.partner_id and not starts_with(m.name, 'bilan-')
        )
        or case p.role
            when 'EMPLOYEUR' then exists (
                select 1
                from ledger.partner_siren as s
                inner join reference.establishment as e on s.siren = left(e.siret, 9)
                inner join reference.attachment as a on e.establishment_id = a.establishment_id
                inner join reference.attachment_period as q on a.attachment_id = q.attachment_id
                where
                    s.partner_id = p.partner_id and s.until is null and q.until_load is null
                    and q.start_day <= %(today)s and (q.end_day is null or q.end_day >= %(today)s)
            )
            else exists (
                select 1 from reference.designation as d
                where
                    d.identifiant = p.code and d.role = p.role and d.until_load is null
                    and d.start_day <= %(today)s and (d.end_day is null or d.end_day >= %(today)s)
            )
        end
    )
order by p.code

-- name: delivered
insert into ledger.monthly_list (partner_id, name, month) values (%s, %s, %s)
on conflict do nothing

-- name: workers
-- The persons attached to an employer's establishments on a day, each once per establishment, with what
-- holds there and whether the establishment designates a dosimetry body. Of several attachments of one
-- person, the one that a new row would act upon; start and attributes are those it would be compared with.
with acting as (
    select distinct on (a.establishment_id, n.person_id)
        a.establishment_id, e.siret, n.person_id, a.attachment_id
    from ledger.partner_siren as s
    inner join reference.establishment as e on s.siren = left(e.siret, 9)
    inner join reference.attachment as a on e.establishment_id = a.establishment_id
    inner join identity.person as n on a.worker_id = n.worker_id
    where s.partner_id = %(partner)s and s.until is null
    order by a.establishment_id asc, n.person_id asc, (a.worker_id = n.person_id) desc, a.attachment_id desc
)
select
    i.sealed, c.last_name, c.first_name, c.birth_day, c.sex, k.siret, t.worker_group, t.class, t.other_exposure,
    t.character, t.domain, t.sector, t.hazard, t.contract, t.trade, t.share_tenths, p.start_day,
    coalesce(nullif(h.usual_name, ''), h.sign, ''),
    exists (
        select 1 from reference.designation as d
        where
            d.establishment_id = k.establishment_id and d.role = 'OA' and d.until_load is null
            and d.start_day <= %(today)s and (d.end_day is null or d.end_day >= %(today)s)
    )
from acting as k
inner join identity.civil as c on k.person_id = c.worker_id and c.until_load is null
inner join lateral (
    select o.sealed from identity.identifier as o
    where
        o.until_load is null
        and o.worker_id = any(
            array(
                select k.person_id
                union all
                select m.worker_id from identity.alias as m where m.person_id = k.person_id and m.until_load is null
            )
        )
    order by (o.kind = 'NIR') desc, (o.worker_id = k.person_id) desc, o.since_load desc, o.fingerprint asc
    limit 1
) as i on true
inner join lateral (
    select start_day from reference.attachment_period
    where attachment_id = k.attachment_id and until_load is null
    order by number desc limit 1
) as p on true
inner join lateral (
    select * from reference.attachment_status
    where attachment_id = k.attachment_id and until_load is null
    order by
        (valid_from <= greatest(%(today)s, p.start_day)) desc,
        case when valid_from <= greatest(%(today)s, p.start_day) then valid_from end desc, valid_from asc
    limit 1
) as t on true
left join reference.establishment_state as h on k.establishment_id = h.establishment_id and h.until_load is null
where
    exists (
        select 1 from reference.attachment_period as q
        where
            q.attachment_id = k.attachment_id and q.until_load is null
            and q.start_day <= %(today)s and (q.end_day is null or q.end_day >= %(today)s)
    )
order by k.siret, c.folded_last_name, c.folded_first_name, k.person_id

-- name: contacts
-- Of every establishment that designates a body: that designation, and those of the legal
-- representative, the correspondent and the radiation-protection adviser in force.
select
    e.siret, coalesce(nullif(h.usual_name, ''), h.sign, ''), d.role, d.last_name, d.first_name, d.email,
    d.start_day, d.end_day
from reference.designation as d
inner join reference.establishment as e on d.establishment_id = e.establishment_id
left join reference.establishment_state as h on e.establishment_id = h.establishment_id and h.until_load is null
where
    d.establishment_id in (
        select b.establishment_id from reference.designation as b
        where
            b.role = %(role)s and b.identifiant = %(code)s and b.until_load is null
            and b.start_day <= %(today)s and (b.end_day is null or b.end_day >= %(today)s)
    )
    and (d.role in ('RPL', 'CES', 'CRP') or (d.role = %(role)s and d.identifiant = %(code)s))
    and d.until_load is null and d.start_day <= %(today)s and (d.end_day is null or d.end_day >= %(today)s)
order by e.siret, d.role = %(role)s desc, d.role, d.last_name, d.first_name, d.start_day

-- name: unverified
-- Persons known by a waiting number only, of whom the social security's service has said nothing yet.
select distinct on (n.person_id) i.sealed, c.last_name, c.first_name, c.birth_day, c.sex
from identity.identifier as i
inner join identity.person as n on i.worker_id = n.worker_id
inner join identity.civil as c on n.person_id = c.worker_id and c.until_load is null
where
    i.kind = 'NIA' and i.until_load is null
    and not exists (
        select 1
        from identity.identifier as o
        inner join identity.person as m on o.worker_id = m.worker_id
        where m.person_id = n.person_id and o.kind = 'NIR' and o.until_load is null
    )
    and not exists (
        select 1 from identity.verification as v where v.worker_id = n.person_id and v.until_load is null
    )
order by n.person_id, i.since_load, i.fingerprint

-- name: outlived
-- Open accounts whose lists tell of an establishment that is no longer theirs: its SIREN changed hands, its designation
-- ended.
select p.partner_id, p.code, p.role
from ledger.partner as p
where
    p.is_open and exists (
        select 1
        from ledger.list_told as t
        where
            t.partner_id = p.partner_id
            and not exists (
                select 1 from ledger.partner_siren as s
                where s.partner_id = p.partner_id and s.siren = left(t.siret, 9) and s.until is null
            )
            and not exists (
                select 1
                from reference.designation as d
                inner join reference.establishment as e on d.establishment_id = e.establishment_id
                where
                    e.siret = t.siret and d.identifiant = p.code and d.role = p.role and d.until_load is null
                    and d.start_day <= %(today)s and (d.end_day is null or d.end_day >= %(today)s)
            )
    )
order by p.code

-- name: forget_told
delete from ledger.list_told where partner_id = %s

-- name: note_told
insert into ledger.list_told (partner_id, siret) select %s, unnest(%s::text[])
