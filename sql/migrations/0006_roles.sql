-- Least role from the start. Login roles are made by init, one per profile and database; the loader
-- writes through grants and owns nothing; the analyst reads. Row security is forced on the dose
-- tables; a profile that no policy names sees no dose. Partitions are closed to readers.

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
begin
    execute format('grant usage on schema ledger, identity, reference, dose, queue to %I, %I', loader, analyst);
    execute format('grant select on all tables in schema ledger, identity, reference, dose, queue to %I', loader);
    execute format('grant select on all tables in schema ledger, reference, dose, queue, identity to %I', analyst);
    execute format(
        'grant insert on ledger.submission, ledger.book, ledger.row_entry, ledger.follow_up,
            ledger.declaration_list, identity.worker, identity.identifier, identity.civil,
            reference.establishment, reference.establishment_state, reference.attachment,
            reference.attachment_period, reference.attachment_status, reference.designation, queue.entry to %I',
        loader);
    execute format(
        'grant update (state, format, dialect, file_code, first_submission_id, load_id, left_depot, answered_at,
            incidents) on ledger.submission to %I', loader);
    execute format('grant update (until_load) on ledger.book, ledger.row_entry, identity.civil,
        reference.establishment_state, reference.attachment_period, reference.attachment_status,
        reference.designation to %I', loader);
    execute format('grant update (until_load, codes) on queue.entry to %I', loader);
    -- A row of a file that a later row of the same file corrects, before anything is visible.
    execute format('grant update (codes, outcome) on ledger.row_entry to %I', loader);
    execute format('grant update (answered_at, load_id) on ledger.follow_up to %I', loader);
    execute format('grant update, delete on ledger.declaration_list to %I', loader);
    execute format('grant update (until_load, until_submission_id, until_line, until_code)
        on dose.passive, dose.operational to %I', loader);
    execute format('grant usage on all sequences in schema identity, reference to %I', loader);

    execute 'alter table dose.passive enable row level security';
    execute 'alter table dose.passive force row level security';
    execute 'alter table dose.operational enable row level security';
    execute 'alter table dose.operational force row level security';
    execute format('create policy loads on dose.passive to %I using (true) with check (true)', loader);
    execute format('create policy loads on dose.operational to %I using (true) with check (true)', loader);
    execute format('create policy reads on dose.passive for select to %I using (true)', analyst);
    execute format('create policy reads on dose.operational for select to %I using (true)', analyst);
    execute 'alter view dose.passive_current set (security_invoker = true)';
    execute 'alter view dose.operational_current set (security_invoker = true)';
    execute 'revoke execute on all functions in schema ledger, dose from public';
    execute format('grant execute on function ledger.open_load, ledger.seal_load, dose.ensure_partition,
        dose.partition_of to %I', loader);
    execute format('grant execute on function ledger.as_of to %I, %I', loader, analyst);
end
$$;
