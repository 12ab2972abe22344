-- Unusual doses: what a model holds unlikely, why, and what analysts answer. A flag says nothing of a row's outcome: no
-- report reads these tables. Two times as everywhere: end_day says when the dose was received, since_load and
-- until_load when the registry held the flag. Nothing is overwritten.

create schema unusual;

-- Each evaluation: what was loaded after the last one has not been looked at yet.
create table unusual.evaluation (
    load_id integer primary key references ledger.load,
    model text not null,
    results integer not null,
    flags integer not null,
    closed integer not null
);

-- worker_id and usv are those of the first row; distribution is that of the context, in numbers of results, without
-- anybody's own.
create table unusual.flag (
    flag_id integer generated always as identity primary key,
    kind text collate "C" not null check (
        kind in ('UNITE', 'FAISCEAU', 'FACTEUR_10', 'CUMUL', 'INHABITUELLE', 'TEMOIN', 'COPIE', 'ECHANGE')
    ),
    submission_id integer not null references ledger.submission,
    line integer not null,
    sender_id integer not null references ledger.partner,
    establishment_id integer not null references reference.establishment,
    worker_id integer not null references identity.worker,
    end_day date not null,
    usv bigint not null,
    score real not null,
    bound real not null,
    reason text not null,
    distribution jsonb not null,
    model text not null,
    since_load integer not null references ledger.load,
    until_load integer references ledger.load
);
create index flag_row on unusual.flag (submission_id, line);
comment on column unusual.flag.score is 'minus the decimal logarithm of what chance would give; bound: what it passed';

-- Every result that a flag is about: one, a pair, or a batch.
create table unusual.flag_result (
    flag_id integer not null references unusual.flag,
    submission_id integer not null,
    line integer not null,
    primary key (flag_id, submission_id, line)
);
create index flag_result_row on unusual.flag_result (submission_id, line);

-- What analysts answered; the last one of a flag counts.
create table unusual.answer (
    answer_id integer generated always as identity primary key,
    flag_id integer not null references unusual.flag,
    answer text not null check (answer in ('CONFIRMEE', 'DEMANDEE', 'ECARTEE')),
    motive text not null,
    who text not null,
    since_load integer not null references ledger.load
);
create index answer_flag on unusual.answer (flag_id, answer_id desc);

-- A question may be about a row that is integrated: it hangs on no entry of the queue.
alter table queue.message alter column entry_id drop not null;

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
    kind text;
begin
    execute format('grant usage on schema unusual to %I, %I', loader, analyst);
    execute format('grant select on all tables in schema unusual to %I, %I', loader, analyst);
    execute format('grant insert on all tables in schema unusual to %I', loader);
    execute format('grant update (until_load) on unusual.flag to %I', loader);
    execute format('grant usage on all sequences in schema unusual to %I', loader);
    foreach kind in array array['flag', 'flag_result', 'answer'] loop
        execute format('alter table unusual.%I enable row level security', kind);
        execute format('alter table unusual.%I force row level security', kind);
        execute format('create policy loads on unusual.%I to %I using (true) with check (true)', kind, loader);
        execute format('create policy reads on unusual.%I for select to %I using (true)', kind, analyst);
    end loop;
end
$$;
