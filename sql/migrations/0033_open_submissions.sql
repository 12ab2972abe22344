-- What waits for its turn is found without reading what was ever received: a pass asks for all of it, and every file
-- whether an earlier one of its sender still stands before it.

create index submission_waits on ledger.submission (partner_id, submission_id) where state = 'RECU';
