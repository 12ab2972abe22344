-- name: accounts
-- Open accounts that a notice can go to, each with its SIREN now.
select
    p.partner_id, p.code, p.role, p.identifiant,
    array(select s.siren from ledger.partner_siren as s where s.partner_id = p.partner_id and s.until is null order by 1)
from ledger.partner as p
where p.is_open and p.role in ('MDT', 'CRP', 'EMPLOYEUR', 'DGT', 'DSND')
order by p.partner_id

-- name: last_load
select coalesce(max(load_id), 0) from ledger.load

-- name: mark
select load_id, registry_date, accounts from exposure.telling

-- name: set_mark
insert into exposure.telling (load_id, registry_date, accounts) values (%s, %s, %s)
on conflict (only_one) do update
    set load_id = excluded.load_id, registry_date = excluded.registry_date, accounts = excluded.accounts

-- name: cases
-- Exceedances that somebody is or was to be told of, as reckoned last. One that is void concerns only who was told.
select
    e.exceedance_id, e.limit_code, e.place, n.person_id, r.window_start, r.window_end, r.value_usv,
    r.establishment_id, r.until_load is null, s.state, s.valid_from, i.sealed, c.last_name, c.first_name, c.birth_day
from exposure.exceedance as e
inner join exposure.state as s on e.exceedance_id = s.exceedance_id and s.until_load is null
inner join lateral (
    select k.* from exposure.reckoning as k
    where k.exceedance_id = e.exceedance_id
    order by k.since_load desc
    limit 1
) as r on true
inner join identity.person as n on r.worker_id = n.worker_id
inner join identity.civil as c on n.person_id = c.worker_id and c.until_load is null
inner join lateral (
    select o.sealed from identity.identifier as o
    where
        o.until_load is null
        and o.worker_id = any(
            array(
                select n.person_id
                union all
                select m.worker_id from identity.alias as m where m.person_id = n.person_id and m.until_load is null
            )
        )
    order by (o.kind = 'NIR') desc, (o.worker_id = n.person_id) desc, o.since_load desc, o.fingerprint asc
    limit 1
) as i on true
where
    s.state <> 'REPRISE'
    and (
        s.state not in ('CADUC', 'ANNULE')
        or exists (select 1 from exposure.notice as t where t.exceedance_id = e.exceedance_id)
    )
order by n.person_id, e.exceedance_id

-- name: establishments
select e.establishment_id, e.siret, coalesce(nullif(h.usual_name, ''), h.sign, ''), coalesce(h.municipality, '')
from reference.establishment as e
left join reference.establishment_state as h on e.establishment_id = h.establishment_id and h.until_load is null
where e.establishment_id = any(%s)

-- name: designated
-- Physicians and advisers whom these establishments designate on a day.
select d.establishment_id, d.role, d.identifiant
from reference.designation as d
where
    d.establishment_id = any(%(establishments)s) and d.role in ('MDT', 'CRP') and d.until_load is null
    and d.start_day <= %(today)s and (d.end_day is null or d.end_day >= %(today)s)

-- name: activities
-- What the persons at hand do at each establishment, since when; of several attachments of one person, all.
select
    h.person_id, a.establishment_id, a.attachment_id, t.valid_from, t.domain, t.sector, t.trade, t.character
from at_hand as h
inner join reference.attachment as a on h.worker_id = a.worker_id
inner join reference.attachment_status as t on a.attachment_id = t.attachment_id and t.until_load is null
order by h.person_id, a.establishment_id, (h.worker_id = h.person_id) desc, a.attachment_id, t.valid_from

-- name: conclusions
-- Which of these submissions are physicians' conclusions: what they brought adjusts a result.
select submission_id from ledger.submission where submission_id = any(%s) and format = 'CONCLUSION'

-- name: ever_engaged
-- Days of the committed doses that the registry holds or once held, of the persons at hand.
select distinct h.person_id, d.end_day
from at_hand as h
inner join dose.committed as d on h.worker_id = d.worker_id

-- name: told
-- The last notice to each account of each exceedance, recorded if not delivered yet.
select distinct on (t.exceedance_id, t.partner_id)
    t.exceedance_id, t.partner_id, t.state, t.revision, t.audience, t.withdrawn, t.establishments, t.digest,
    t.file_name, t.sealed, t.removed_at is not null
from exposure.notice as t
where t.exceedance_id = any(%s)
order by t.exceedance_id, t.partner_id, t.notice_id desc

-- name: revisions
select exceedance_id, partner_id, state, max(revision) from exposure.notice
where exceedance_id = any(%s)
group by exceedance_id, partner_id, state

-- name: record
insert into exposure.notice (
    exceedance_id, state, partner_id, audience, revision, file_name, withdrawn, establishments, digest, sealed,
    since_load
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- name: owed
-- In the order in which they were decided: of two under one name the later stays.
select t.notice_id, t.partner_id, p.code, t.file_name, t.sealed
from exposure.notice as t
inner join ledger.partner as p on t.partner_id = p.partner_id
where t.told_at is null and p.is_open
order by t.notice_id

-- name: delivered
update exposure.notice set told_at = clock_timestamp() where notice_id = %s and told_at is null

-- name: without_physician
select w.exceedance_id, w.reason from exposure.without_physician as w where w.until_load is null

-- name: close_without_physician
update exposure.without_physician set until_load = %s where exceedance_id = any(%s) and until_load is null

-- name: enter_without_physician
insert into exposure.without_physician (exceedance_id, reason, since_load) values (%s, %s, %s)

-- name: outlived
-- Notices in the retour/ of an account that nothing ties any more to the establishments they were told for. A later one
-- of the same name stays where it says only that the account is concerned no longer.
select t.notice_id, p.partner_id, p.code, t.file_name
from exposure.notice as t
inner join ledger.partner as p on t.partner_id = p.partner_id
where
    t.told_at is not null and t.removed_at is null and not t.withdrawn and p.role in ('MDT', 'CRP', 'EMPLOYEUR')
    and not exists (
        select 1 from exposure.notice as later
        where later.partner_id = t.partner_id and later.file_name = t.file_name and later.notice_id > t.notice_id
    )
    and not exists (
        select 1
        from reference.establishment as e
        left join ledger.partner_siren as s
            on s.partner_id = p.partner_id and s.siren = left(e.siret, 9) and s.until is null
        left join reference.designation as d
            on
                e.establishment_id = d.establishment_id and d.role = p.role and d.identifiant = p.identifiant
                and d.until_load is null and d.start_day <= %(today)s
                and (d.end_day is null or d.end_day >= %(today)s)
        where
            e.establishment_id = any(t.establishments)
            and case p.role when 'EMPLOYEUR' then s.partner_id is not null else d.role is not null end
    )
order by t.notice_id

-- name: removed
update exposure.notice set removed_at = clock_timestamp() where notice_id = %s and removed_at is null
