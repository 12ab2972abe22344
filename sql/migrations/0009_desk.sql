-- The analysts' desk: causes with their counts, decisions and how they are taken back, questions to
-- senders, standing decisions, and who looked at what.

-- An entry may be amended by a decision: its row (sealed), the codes set aside for it (waived) and the
-- keys it waits under. Each amendment counts; who decides on an older count is told.
alter table queue.entry
add column revision smallint not null default 0,
add column waived bigint not null default 0,
-- What makes one cause: the codes that hold the row, and the reference that is missing. The numbers are
-- the bits of IDT-05 to -09, IDT-11 and MET-05; then of IDT-05, -07 and -11, which name an establishment;
-- then of IDT-05 and -11, under which the establishment alone counts; then of IDT-06 and -07, which name a person.
add column hold_codes bigint not null generated always as (codes & 4388864) stored,
add column cause_siret text collate "C" not null generated always as (
    case when codes & 141312 <> 0 then coalesce(siret, '') else '' end
) stored,
add column cause_person uuid not null generated always as (
    case
        when codes & 133120 = 0 and codes & 12288 <> 0
            then coalesce(person, '00000000-0000-0000-0000-000000000000')
        else '00000000-0000-0000-0000-000000000000'
    end
) stored,
add column cause_motive text not null generated always as (coalesce(motive, '')) stored;

-- A waiting row is amended by a decision, which keeps what stood before, and counts it; never in silence.
create function queue.amendment_is_counted() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
    if new.revision <> old.revision + 1 then
        raise exception 'a waiting row is amended by a decision only';
    end if;
    return new;
end
$$;
create trigger amendment_is_counted before update of sealed, waived on queue.entry
for each row execute function queue.amendment_is_counted();

create index entry_cause on queue.entry (
    partner_id, format, hold_codes, cause_siret, cause_person, cause_motive, received_on, entry_id
) where until_load is null;
create index entry_submission on queue.entry (submission_id, line);

create table queue.cause (
    cause_id integer generated always as identity primary key,
    partner_id integer not null references ledger.partner,
    format text not null,
    hold_codes bigint not null,
    cause_siret text collate "C" not null,
    cause_person uuid not null,
    cause_motive text not null,
    rows integer not null default 0 check (rows >= 0),
    usv bigint not null default 0,
    oldest date,
    unique (partner_id, format, hold_codes, cause_siret, cause_person, cause_motive)
);
create index cause_rows on queue.cause (rows desc, cause_id) where rows > 0;
create index cause_usv on queue.cause (usv desc, cause_id) where rows > 0;
create index cause_oldest on queue.cause (oldest, cause_id) where rows > 0;

-- How many rows of a cause came on each day: what its trend is drawn from.
create table queue.arrival (
    cause_id integer not null references queue.cause,
    day date not null,
    rows integer not null,
    primary key (cause_id, day)
);

-- The causes are counted as entries come, change and go, whoever writes them.
create function queue.count_arrivals() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
    insert into queue.cause (partner_id, format, hold_codes, cause_siret, cause_person, cause_motive, rows, usv, oldest)
    select
        n.partner_id, n.format, n.hold_codes, n.cause_siret, n.cause_person, n.cause_motive,
        count(*), sum(n.book_usv), min(n.received_on)
    from came as n
    where n.until_load is null
    group by n.partner_id, n.format, n.hold_codes, n.cause_siret, n.cause_person, n.cause_motive
    on conflict (partner_id, format, hold_codes, cause_siret, cause_person, cause_motive) do update
    set
        rows = queue.cause.rows + excluded.rows,
        usv = queue.cause.usv + excluded.usv,
        oldest = least(queue.cause.oldest, excluded.oldest);
    insert into queue.arrival (cause_id, day, rows)
    select c.cause_id, n.received_on, count(*)
    from came as n
    inner join queue.cause as c
        using (partner_id, format, hold_codes, cause_siret, cause_person, cause_motive)
    -- A row that waits again once a decision is taken back did not arrive again.
    where n.until_load is null and n.revision = 0
    group by c.cause_id, n.received_on
    on conflict (cause_id, day) do update set rows = queue.arrival.rows + excluded.rows;
    return null;
end
$$;

create function queue.count_changes() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
    insert into queue.cause (partner_id, format, hold_codes, cause_siret, cause_person, cause_motive)
    select distinct n.partner_id, n.format, n.hold_codes, n.cause_siret, n.cause_person, n.cause_motive
    from came as n
    where n.until_load is null
    on conflict (partner_id, format, hold_codes, cause_siret, cause_person, cause_motive) do nothing;
    with difference as (
        select
            d.partner_id, d.format, d.hold_codes, d.cause_siret, d.cause_person, d.cause_motive,
            sum(d.rows) as rows, sum(d.usv) as usv
        from (
            select
                partner_id, format, hold_codes, cause_siret, cause_person, cause_motive, 1 as rows, book_usv as usv
            from came where until_load is null
            union all
            select
                partner_id, format, hold_codes, cause_siret, cause_person, cause_motive, -1 as rows, -book_usv as usv
            from went where until_load is null
        ) as d
        group by d.partner_id, d.format, d.hold_codes, d.cause_siret, d.cause_person, d.cause_motive
    )
    update queue.cause as c
    set
        rows = c.rows + d.rows,
        usv = c.usv + d.usv,
        oldest = (
            select min(e.received_on) from queue.entry as e
            where
                e.until_load is null and e.partner_id = c.partner_id and e.format = c.format
                and e.hold_codes = c.hold_codes and e.cause_siret = c.cause_siret
                and e.cause_person = c.cause_person and e.cause_motive = c.cause_motive
        )
    from difference as d
    where
        c.partner_id = d.partner_id and c.format = d.format and c.hold_codes = d.hold_codes
        and c.cause_siret = d.cause_siret and c.cause_person = d.cause_person and c.cause_motive = d.cause_motive
        and (d.rows <> 0 or d.usv <> 0);
    return null;
end
$$;

-- What waits already is counted as if it came now.
insert into queue.cause (partner_id, format, hold_codes, cause_siret, cause_person, cause_motive, rows, usv, oldest)
select
    partner_id,
    format,
    hold_codes,
    cause_siret,
    cause_person,
    cause_motive,
    count(*) as rows,
    sum(book_usv) as usv,
    min(received_on) as oldest
from queue.entry
where until_load is null
group by partner_id, format, hold_codes, cause_siret, cause_person, cause_motive;
insert into queue.arrival (cause_id, day, rows)
select
    c.cause_id,
    e.received_on,
    count(*) as rows
from queue.entry as e
inner join queue.cause as c
    on
        e.partner_id = c.partner_id and e.format = c.format and e.hold_codes = c.hold_codes
        and e.cause_siret = c.cause_siret and e.cause_person = c.cause_person and e.cause_motive = c.cause_motive
where e.until_load is null
group by c.cause_id, e.received_on;

create trigger count_arrivals after insert on queue.entry
referencing new table as came for each statement execute function queue.count_arrivals();
create trigger count_changes after update on queue.entry
referencing old table as went new table as came for each statement execute function queue.count_changes();

-- A standing decision: one identifier is read as another one, from a day on, for every sender or one.
-- Proposed by one person, in force once another has approved it, until it is revoked. Identifiers of persons are
-- sealed and found by fingerprint.
create table queue.standing (
    standing_id integer generated always as identity primary key,
    kind text not null check (kind in ('SIRET', 'NIR')),
    from_siret text collate "C" check (from_siret ~ '^[0-9]{14}$'),
    to_siret text collate "C" check (to_siret ~ '^[0-9]{14}$'),
    from_person uuid,
    from_sealed bytea,
    to_sealed bytea,
    partner_id integer references ledger.partner,
    valid_from date not null,
    valid_to date check (valid_to >= valid_from),
    motive text not null,
    proposed_by text not null,
    proposed_at timestamptz not null default clock_timestamp(),
    approved_by text,
    approved_at timestamptz,
    revoked_by text,
    revoked_at timestamptz,
    revoked_motive text,
    since_load integer references ledger.load,
    until_load integer references ledger.load,
    check (case kind
        when 'SIRET' then from_siret <> to_siret and from_person is null
        else from_person is not null and from_sealed is not null and to_sealed is not null and from_siret is null
    end),
    check ((since_load is null) = (approved_by is null)),
    check (until_load is null or since_load is not null)
);
create index standing_in_force on queue.standing (kind) where since_load is not null and until_load is null;

-- Decisions of analysts. Each is one load; the value typed in is sealed, since it may name a person.
create table queue.decision (
    decision_id integer generated always as identity primary key,
    action text not null check (action in ('corriger', 'rattacher', 'confirmer', 'rejeter', 'rejouer')),
    cause text check (cause in ('HORS_CHAMP', 'NON_SDI', 'DOUBLE', 'AUTRE')),
    motive text not null,
    who text not null,
    field text,
    value_sealed bytea,
    standing_id integer references queue.standing,
    load_id integer not null unique references ledger.load,
    rows_integrated integer not null,
    rows_waiting integer not null,
    rows_rejected integer not null,
    rows_duplicate integer not null,
    decided_at timestamptz not null default clock_timestamp(),
    undone_load integer unique references ledger.load,
    undone_by text,
    undone_at timestamptz,
    undone_motive text,
    check ((action = 'rejeter') = (cause is not null)),
    check ((undone_load is null) = (undone_by is null))
);

create table queue.decision_entry (
    decision_id integer not null references queue.decision,
    entry_id integer not null references queue.entry,
    submission_id integer not null,
    line integer not null,
    codes_before bigint not null,
    waived_before bigint not null,
    sealed_before bytea,
    person_before uuid,
    siret_before text collate "C",
    measure_ref_before text collate "C",
    measure_year_before smallint,
    outcome char(1) not null check (outcome in ('I', 'A', 'R', 'D')),
    codes_after bigint not null,
    primary key (decision_id, entry_id)
);
comment on column queue.decision_entry.sealed_before is 'the row before the decision, where the decision changed it';
comment on column queue.decision_entry.outcome is 'what the decision made of the row; A: it waits still';
create index decision_entry_entry on queue.decision_entry (entry_id);
create index decision_entry_row on queue.decision_entry (submission_id, line);

-- Questions to the sender of a row, and what was answered. Texts are sealed: they may name persons.
create table queue.message (
    message_id integer generated always as identity primary key,
    entry_id integer not null references queue.entry,
    submission_id integer not null references ledger.submission,
    line integer not null,
    kind text not null check (kind in ('QUESTION', 'REPONSE')),
    number smallint check ((kind = 'QUESTION') = (number is not null)),
    who text not null,
    written_at timestamptz not null default clock_timestamp(),
    sealed bytea not null,
    delivered_at timestamptz,
    unique (submission_id, number)
);
create index message_entry on queue.message (entry_id);
create index message_row on queue.message (submission_id, line);
create index message_owed on queue.message (message_id) where kind = 'QUESTION' and delivered_at is null;

-- A decision taken back: what it brought ends (U), what it replaced holds again. Each dose table alike.
create function dose.take_back(kind text, decided integer, load integer, submissions integer[], lines integer[])
returns integer
language plpgsql set search_path = pg_catalog as $$
declare
    ended integer;
begin
    if kind not in ('passive', 'operational', 'internal', 'committed', 'aircrew') then
        raise exception 'no such table of doses: %', kind;
    end if;
    execute format(
        'update dose.%I as d
        set until_load = $1, until_submission_id = d.submission_id, until_line = d.line, until_code = ''U''
        from unnest($3, $4) as k (submission_id, line)
        where d.submission_id = k.submission_id and d.line = k.line and d.since_load = $2 and d.until_load is null',
        kind) using load, decided, submissions, lines;
    get diagnostics ended = row_count;
    execute format(
        'insert into dose.%I
        select (jsonb_populate_record(d, jsonb_build_object(
            ''since_load'', $1, ''until_load'', null, ''until_submission_id'', null, ''until_line'', null,
            ''until_code'', null))).*
        from dose.%I as d
        inner join unnest($3, $4) as k (submission_id, line)
            on d.until_submission_id = k.submission_id and d.until_line = k.line
        where d.until_load = $2 and d.until_code <> ''U''',
        kind, kind) using load, decided, submissions, lines;
    return ended;
end
$$;

-- What one load brought lies side by side; what one load replaced is little, wherever it lies.
create index passive_since on dose.passive using brin (since_load) with (autosummarize = on);
create index operational_since on dose.operational using brin (since_load) with (autosummarize = on);
create index internal_since on dose.internal using brin (since_load) with (autosummarize = on);
create index committed_since on dose.committed using brin (since_load) with (autosummarize = on);
create index aircrew_since on dose.aircrew using brin (since_load) with (autosummarize = on);
create index passive_until on dose.passive (until_load) where until_load is not null;
create index operational_until on dose.operational (until_load) where until_load is not null;
create index internal_until on dose.internal (until_load) where until_load is not null;
create index committed_until on dose.committed (until_load) where until_load is not null;
create index aircrew_until on dose.aircrew (until_load) where until_load is not null;

-- Who looked at nominative data, when and by which door. Nobody changes or removes a line.
create schema audit;
create table audit.look (
    look_id bigint generated always as identity primary key,
    looked_at timestamptz not null default clock_timestamp(),
    who text not null,
    door text not null check (door in ('BUREAU', 'COMMANDE')),
    what text not null,
    entry_id integer,
    worker_id integer,
    records integer not null default 1
);
create index look_entry on audit.look (entry_id) where entry_id is not null;

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
begin
    execute format('grant select on queue.cause, queue.arrival, queue.standing, queue.decision,
        queue.decision_entry, queue.message to %I, %I', loader, analyst);
    execute format('grant insert on queue.standing, queue.decision, queue.decision_entry, queue.message to %I', loader);
    execute format('grant update (undone_load, undone_by, undone_at, undone_motive) on queue.decision to %I', loader);
    execute format('grant update (approved_by, approved_at, revoked_by, revoked_at, revoked_motive, since_load,
        until_load) on queue.standing to %I', loader);
    execute format('grant update (delivered_at) on queue.message to %I', loader);
    execute format('grant update (sealed, waived, revision, siret, person, measure_ref, measure_year)
        on queue.entry to %I', loader);
    -- A decision that is taken back gives versions that it replaced their force again, as new versions.
    execute format('grant insert on dose.passive, dose.operational, dose.internal, dose.committed, dose.aircrew
        to %I', loader);
    execute 'revoke execute on function dose.take_back from public';
    execute 'revoke execute on all functions in schema queue from public';
    execute format('grant execute on function dose.take_back to %I', loader);
    execute format('grant usage on schema audit to %I, %I', loader, analyst);
    execute format('grant select, insert on audit.look to %I, %I', loader, analyst);
end
$$;
