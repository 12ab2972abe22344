-- Blocking keys of the proposals: persons by both names, and by either with the day of birth. Former names
-- count too, so no index is partial. The first first name stands for all, since senders leave the others out.

create index civil_names on identity.civil (folded_last_name, split_part(folded_first_name, ' ', 1));
create index civil_first_name_birth on identity.civil (split_part(folded_first_name, ' ', 1), birth_day);
create index civil_last_name_birth on identity.civil (folded_last_name, birth_day);

-- What an analyst once confirmed for a number.
create index entry_waived on queue.entry (person) where waived <> 0 and until_load is not null;
