-- name: accounts
-- Who may be late: accounts that are open today and may send. since: from when something is expected of one that sent
-- nothing: it is open, and for bodies and operators designated. Left out are those whose business has ended: of a body
-- or operator that was designated every designation is over, of an employer every known establishment is closed.
with designated as (
    select
        d.identifiant as code,
        d.role,
        min(d.start_day) filter (where coalesce(d.end_day, 'infinity') >= %(today)s) as since
    from reference.designation as d
    where d.until_load is null and d.role in ('OA', 'EXPLOITANT') and d.start_day <= %(today)s
    group by d.identifiant, d.role
),

places as (
    select
        h.partner_id,
        bool_and(s.state = 'F' and s.state_since <= %(today)s) as closed
    from ledger.partner_siren as h
    inner join reference.establishment as e on h.siren = left(e.siret, 9)
    inner join reference.establishment_state as s on e.establishment_id = s.establishment_id
    where h.until is null and s.until_load is null
    group by h.partner_id
)

select
    p.partner_id, p.code, p.role,
    case
        when d.code is not null
            then greatest(
                d.since, p.valid_from, coalesce(p.opened_on, (p.created_at at time zone 'Europe/Paris')::date)
            )
    end
from ledger.partner as p
left join designated as d on p.code = d.code and p.role = d.role
left join places as c on p.partner_id = c.partner_id
where
    p.is_open and p.disabled_at is null
    and coalesce(p.valid_from <= %(today)s, true) and coalesce(p.valid_until >= %(today)s, true)
    and (d.code is null or d.since is not null)
    and coalesce(not c.closed, true)
order by p.code

-- name: deliveries
-- The days on which an account sent something of a format that was taken in, or held for a yes, since a day.
select s.partner_id, s.format, array_agg(distinct s.registry_date order by s.registry_date)
from ledger.submission as s
where s.registry_date >= %(from)s and s.registry_date <= %(today)s and s.format is not null
    and (s.state = 'TRAITE' or s.held_at is not null)
group by s.partner_id, s.format
order by s.partner_id, s.format
