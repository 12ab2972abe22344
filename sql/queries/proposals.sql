-- name: by_number
-- Persons that bear these numbers now. The limits keep each lookup on its index, however many are asked.
select k.place, coalesce(m.person_id, i.worker_id)
from unnest(%s::uuid[]) with ordinality as k (fingerprint, place)
cross join lateral (
    select n.worker_id from identity.identifier as n
    where n.fingerprint = k.fingerprint and n.until_load is null
    limit 1
) as i
left join identity.alias as m on i.worker_id = m.worker_id and m.until_load is null

-- name: confirmed
-- Rows of these numbers that an analyst confirmed although their names were not the registry's, sealed.
select k.place, e.sealed
from unnest(%(fingerprint)s::uuid[]) with ordinality as k (fingerprint, place)
cross join lateral (
    select sealed from queue.entry
    where person = k.fingerprint and waived <> 0 and waived & %(names)s <> 0 and until_load is not null and sealed is not null
    order by entry_id desc
    limit %(most)s
) as e

-- name: by_name
-- Persons who bear, or once bore, the asked names: both of them, or one with a birth between two days.
-- Where a SIREN is asked, only those attached there under any of their numbers; else the birth must fit.
with asked as (
    select *
    from unnest(
        %(place)s::integer[], %(last)s::text[], %(first)s::text[], %(since)s::date[], %(until)s::date[],
        %(siren)s::text[]
    ) as k (place, last_name, first_name, since, until, siren)
),
hit as (
    select a.place, a.siren, c.worker_id
    from asked as a
    cross join lateral (
        select worker_id from identity.civil
        where folded_last_name = a.last_name and split_part(folded_first_name, ' ', 1) = a.first_name
        limit %(most)s
    ) as c
    where a.siren is not null
    union
    select a.place, a.siren, c.worker_id
    from asked as a
    cross join lateral (
        select worker_id from identity.civil
        where split_part(folded_first_name, ' ', 1) = a.first_name and birth_day between a.since and a.until
        limit %(most)s
    ) as c
    where a.siren is not null or a.until - a.since < 32
    union
    select a.place, a.siren, c.worker_id
    from asked as a
    cross join lateral (
        select worker_id from identity.civil
        where folded_last_name = a.last_name and birth_day between a.since and a.until
        limit %(most)s
    ) as c
),
person as (
    select distinct h.place, h.siren, coalesce(m.person_id, h.worker_id) as person_id
    from hit as h
    left join identity.alias as m on h.worker_id = m.worker_id and m.until_load is null
)
select p.place, p.person_id
from person as p
where
    p.siren is null
    or exists (
        select 1
        from reference.attachment as t
        inner join reference.establishment as e on t.establishment_id = e.establishment_id
        where t.worker_id = p.person_id and left(e.siret, 9) = p.siren
    )
    or exists (
        select 1
        from identity.alias as m
        inner join reference.attachment as t on m.worker_id = t.worker_id
        inner join reference.establishment as e on t.establishment_id = e.establishment_id
        where m.person_id = p.person_id and m.until_load is null and left(e.siret, 9) = p.siren
    )

-- name: numbers
-- Every number of these persons.
select k.person_id, k.person_id
from unnest(%(people)s::integer[]) as k (person_id)
union all
select m.person_id, m.worker_id
from identity.alias as m
where m.person_id = any(%(people)s) and m.until_load is null

-- name: civil
-- Names and birth as they stand and as they stood before.
select
    c.worker_id, c.last_name, c.first_name, c.folded_last_name, c.folded_first_name, c.birth_day, c.sex,
    c.until_load is null
from unnest(%s::integer[]) as k (worker_id)
cross join lateral (select * from identity.civil where worker_id = k.worker_id offset 0) as c
order by c.since_load desc, c.line desc

-- name: identifiers
-- What the persons are known under now, the best to show first.
select i.worker_id, i.sealed
from unnest(%s::integer[]) as k (worker_id)
cross join lateral (
    select * from identity.identifier where worker_id = k.worker_id and until_load is null offset 0
) as i
order by (i.kind = 'NIR') desc, i.since_load desc, i.fingerprint asc

-- name: attachments
-- Periods of attachment, and since when the establishment is closed.
select
    t.worker_id, e.siret, p.start_day, p.end_day,
    (
        select s.state_since from reference.establishment_state as s
        where s.establishment_id = e.establishment_id and s.until_load is null and s.state = 'F'
    )
from unnest(%s::integer[]) as k (worker_id)
cross join lateral (select * from reference.attachment where worker_id = k.worker_id offset 0) as t
inner join reference.establishment as e on t.establishment_id = e.establishment_id
cross join lateral (
    select start_day, end_day from reference.attachment_period
    where attachment_id = t.attachment_id and until_load is null
    offset 0
) as p
order by t.worker_id, e.siret, p.start_day

-- name: by_siret
-- Establishments under these SIRET, and whether any worker ever was attached there.
select
    e.siret, s.state, s.state_since, s.usual_name, s.sign, s.activity, s.municipality,
    exists (select 1 from reference.attachment as t where t.establishment_id = e.establishment_id)
from unnest(%s::text[]) as k (siret)
cross join lateral (select * from reference.establishment where siret = k.siret limit 1) as e
inner join reference.establishment_state as s on e.establishment_id = s.establishment_id and s.until_load is null

-- name: by_siren
-- Establishments of these companies, so many of each.
select
    e.siret, s.state, s.state_since, s.usual_name, s.sign, s.activity, s.municipality,
    exists (select 1 from reference.attachment as t where t.establishment_id = e.establishment_id)
from unnest(%(siren)s::text[]) as k (siren)
cross join lateral (
    select * from reference.establishment where left(siret, 9) = k.siren order by siret limit %(most)s
) as e
inner join reference.establishment_state as s on e.establishment_id = s.establishment_id and s.until_load is null

-- name: colleagues
-- Some workers of each establishment, and what they are asked for.
select k.place, c.worker_id
from unnest(%(place)s::integer[], %(siret)s::text[]) as k (place, siret)
inner join reference.establishment as e on k.siret = e.siret
cross join lateral (
    select worker_id from reference.attachment where establishment_id = e.establishment_id limit %(most)s
) as c

-- name: usual_passive
-- Results above zero of these workers, of one quantity, between two days, so many of each. The other formats alike.
select k.place, d.value_usv
from unnest(%(place)s::integer[], %(worker)s::integer[], %(quantity)s::smallint[], %(since)s::date[], %(until)s::date[])
    as k (place, worker_id, quantity, since, until)
cross join lateral (
    select value_usv from dose.passive
    where
        worker_id = k.worker_id and end_day between k.since and k.until and quantity = k.quantity
        and year between extract(year from k.since) and extract(year from k.until) and until_load is null
        and value_usv > 0
    limit %(most)s
) as d

-- name: usual_operational
select k.place, d.value_usv
from unnest(%(place)s::integer[], %(worker)s::integer[], %(quantity)s::smallint[], %(since)s::date[], %(until)s::date[])
    as k (place, worker_id, quantity, since, until)
cross join lateral (
    select value_usv from dose.operational
    where
        worker_id = k.worker_id and quantity = k.quantity and until_load is null and value_usv > 0
        and start_minute between (k.since - date '1970-01-01') * 1440 and (k.until - date '1970-01-01' + 1) * 1440
        and year between extract(year from k.since) and extract(year from k.until)
    limit %(most)s
) as d

-- name: usual_committed
select k.place, d.value_usv
from unnest(%(place)s::integer[], %(worker)s::integer[], %(since)s::date[], %(until)s::date[])
    as k (place, worker_id, since, until)
cross join lateral (
    select value_usv from dose.committed
    where
        worker_id = k.worker_id and end_day between k.since and k.until and until_load is null and value_usv > 0
        and year between extract(year from k.since) and extract(year from k.until)
    limit %(most)s
) as d

-- name: usual_aircrew
select k.place, d.value_usv
from unnest(%(place)s::integer[], %(worker)s::integer[], %(since)s::date[], %(until)s::date[])
    as k (place, worker_id, since, until)
cross join lateral (
    select value_usv from dose.aircrew
    where
        worker_id = k.worker_id and end_day between k.since and k.until and until_load is null and value_usv > 0
        and year between extract(year from k.since) and extract(year from k.until)
    limit %(most)s
) as d
