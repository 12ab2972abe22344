-- name: seen
-- How each settled file of an account was written, in the order received.
select
    s.submission_id, s.received_at, s.format, s.dialect ->> 'encoding', s.dialect ->> 'newline',
    (s.dialect ->> 'quoted')::boolean, (s.dialect ->> 'packed')::boolean,
    s.dialect ->> 'record',
    exists (
        select 1 from ledger.row_entry as r
        where r.submission_id = s.submission_id and r.codes & %(comma)s <> 0
    )
from ledger.submission as s
where s.partner_id = %(partner)s and s.state = 'TRAITE' and s.format is not null and s.dialect is not null
order by s.submission_id
