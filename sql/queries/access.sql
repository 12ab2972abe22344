-- name: admit
select access.admit(%(digest)s, %(capacity)s, %(holder)s, %(own)s, %(subject)s, %(siret)s, %(day)s, %(who)s, %(door)s,
    %(what)s)

-- name: agree
select access.agree(%(digest)s, %(number)s, %(sha256)s, %(first)s, %(last)s, %(expires)s, %(day)s)

-- name: show_ticket
select set_config('siseri.ticket', %s, false)

-- name: persons
select person_id, last_name, first_name, birth_day, sex, kind, sealed from access.person order by person_id

-- name: contracts
select
    person_id, siret, establishment, start_day, end_day, class, other_exposure, character, domain, sector, trade, contract
from access.contract
order by person_id, start_day, siret

-- name: passive
select
    person_id, establishment_id, siret, quantity, location, dosimeter, start_day, end_day, state, value_usv, threshold_usv,
    sender, sender_role, recorded_at, adjusts, measure_id
from access.passive
order by person_id, end_day, start_day, siret, quantity, location, sender, value_usv

-- name: operational
select
    person_id, siret, quantity, dosimeter, timestamp '1970-01-01' + start_minute * interval '1 minute',
    timestamp '1970-01-01' + end_minute * interval '1 minute', value_usv, place, zone, sender, recorded_at
from access.operational
order by person_id, end_minute, start_minute, siret, quantity, place, zone

-- name: aircrew
select person_id, establishment_id, siret, end_day, value_usv, flights, sender, recorded_at, adjusts, measure_id
from access.aircrew
order by person_id, end_day, siret, sender, value_usv

-- name: internal
select person_id, siret, end_day, exam, nuclide, unit, state, activity_nbq, limit_nbq, sender, recorded_at,
    measure_id
from access.internal
order by person_id, end_day, siret, exam, nuclide, sender

-- name: committed
select person_id, establishment_id, siret, end_day, nuclide, value_usv, sender, recorded_at, adjusts, measure_id
from access.committed
order by person_id, end_day, siret, nuclide, sender, value_usv

-- name: contract_sums
select siret, start_day, nullif(end_day, 'infinity'), limited, location, usv, results, committed
from access.contract_sums()
order by start_day, siret, limited, location nulls first

-- name: committed_spans
select span from access.committed_spans() order by span

-- name: exceedances
select
    exceedance_id, siret, limit_code, place, window_start, window_end, state, state_since, value_usv, external_usv,
    committed
from access.exceedances()
order by window_end, exceedance_id

-- name: conclusions
select exceedance_id, conclusion, retained_usv, concluded_on from access.conclusions() order by exceedance_id

-- name: ended
select
    person_id, format, siret, quantity, location, dosimeter, start_at, end_at, nuclide, spot, sender, measure_id,
    recorded_at
from access.ended(%s)
order by person_id, end_at, format, sender, measure_id, recorded_at
