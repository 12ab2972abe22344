-- The desk shows exceedances as they were known on a past day: under which number somebody was known then is found by
-- the worker, also where it is no longer. Few rows, beside the indexes of those that hold.
create index identifier_past on identity.identifier (worker_id) where until_load is not null;
create index alias_person_past on identity.alias (person_id) where until_load is not null;
