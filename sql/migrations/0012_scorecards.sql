-- What the monthly scorecards read: the files of a month, and the measures that those files brought.

-- Whose files came within a month.
create index submission_received on ledger.submission (registry_date) include (partner_id);

-- The measures of a span of submissions. A load's rows lie side by side, so a block range index of a few
-- pages finds them; a new partition gets its own from the parent, and loading pays next to nothing.
create index passive_submission on dose.passive using brin (submission_id) with (autosummarize = on);
create index operational_submission on dose.operational using brin (submission_id) with (autosummarize = on);
create index internal_submission on dose.internal using brin (submission_id) with (autosummarize = on);
create index aircrew_submission on dose.aircrew using brin (submission_id) with (autosummarize = on);
