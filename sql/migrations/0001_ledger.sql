-- The ledger: who sends, what was received, what became of every row, and the registry's clock.
--
-- Registry time. Every writing transaction is a load. Loads are serialised by one advisory lock, so a
-- load's number follows commit order, and "as the registry stood at T" is a plain comparison:
-- since_load <= n and (until_load is null or until_load > n), with n = ledger.as_of(T). The hour of a
-- load is drawn at its very end under a second lock, which as_of() waits for: no load that will carry
-- an hour at or before T can still be on its way when as_of(T) answers.

create schema ledger;

create sequence ledger.load_number as integer;

create table ledger.load (
    load_id integer primary key,
    kind text not null,
    submission_id integer,
    opened_at timestamptz not null default clock_timestamp(),
    recorded_at timestamptz unique
);

create function ledger.open_load(kind text, submission integer) returns integer
language plpgsql security definer set search_path = pg_catalog as $$
declare
    number integer;
begin
    perform pg_advisory_xact_lock(5351, 1);
    number := nextval('ledger.load_number');
    insert into ledger.load (load_id, kind, submission_id) values (number, kind, submission);
    return number;
end
$$;

create function ledger.seal_load(number integer) returns timestamptz
language plpgsql security definer set search_path = pg_catalog as $$
declare
    hour timestamptz;
begin
    perform pg_advisory_xact_lock(5351, 2);
    select greatest(clock_timestamp(), max(l.recorded_at) + interval '1 microsecond') into hour
    from ledger.load as l;
    update ledger.load set recorded_at = hour where load_id = number and recorded_at is null;
    if not found then
        raise exception 'load % is unknown or sealed', number;
    end if;
    return hour;
end
$$;

create function ledger.as_of(hour timestamptz) returns integer
language plpgsql security definer set search_path = pg_catalog as $$
begin
    if hour > clock_timestamp() then
        raise exception 'the registry cannot be shown as of a time to come';
    end if;
    perform pg_advisory_lock_shared(5351, 2);
    perform pg_advisory_unlock_shared(5351, 2);
    return coalesce((select max(load_id) from ledger.load where recorded_at <= hour), 0);
end
$$;

create function ledger.load_is_sealed() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
    if (select recorded_at is null from ledger.load where load_id = new.load_id) then
        raise exception 'load % was not sealed', new.load_id;
    end if;
    return null;
end
$$;

create constraint trigger load_is_sealed after insert on ledger.load
deferrable initially deferred for each row execute function ledger.load_is_sealed();

create table ledger.partner (
    partner_id integer generated always as identity primary key,
    code text collate "C" not null unique check (code ~ '^[A-Z0-9]{1,10}$'),
    role text not null check (
        role in ('OA', 'EXPLOITANT', 'EMPLOYEUR', 'CRP', 'MDT', 'CALCUL', 'GESTIONNAIRE', 'DGT', 'DSND')
    ),
    identifiant text,
    created_at timestamptz not null default clock_timestamp(),
    disabled_at timestamptz
);

-- A SIREN belongs to one account at a time; a transfer closes one row and opens another.
create table ledger.partner_siren (
    partner_id integer not null references ledger.partner,
    siren text collate "C" not null check (siren ~ '^[0-9]{9}$'),
    since timestamptz not null default clock_timestamp(),
    until timestamptz,
    motive text,
    primary key (partner_id, siren, since)
);
create unique index partner_siren_current on ledger.partner_siren (siren) where until is null;

create table ledger.submission (
    submission_id integer generated always as identity primary key,
    partner_id integer not null references ledger.partner,
    file_name text not null,
    drop_number integer not null,
    sha256 bytea not null check (length(sha256) = 32),
    size_bytes bigint not null,
    depot_mtime bigint not null,
    marker text,
    received_at timestamptz not null default clock_timestamp(),
    registry_date date not null,
    left_depot boolean not null default false,
    state text not null default 'RECU' check (state in ('RECU', 'TRAITE', 'REFUSE')),
    format text,
    dialect jsonb,
    file_code text check (file_code ~ '^FIC-[0-9]{2}$'),
    first_submission_id integer references ledger.submission,
    load_id integer references ledger.load,
    answered_at timestamptz,
    incidents integer not null default 0,
    unique (partner_id, file_name, drop_number),
    check ((state = 'REFUSE') = (file_code is not null)),
    check ((state = 'TRAITE') = (load_id is not null))
);
create index submission_same_bytes on ledger.submission (partner_id, sha256);
create index submission_open on ledger.submission (submission_id) where answered_at is null or not left_depot;

-- One row per quantity of a file (an empty quantity for files without doses): rows and micro-sieverts.
create table ledger.book (
    submission_id integer not null references ledger.submission,
    quantity text not null,
    since_load integer not null references ledger.load,
    until_load integer references ledger.load,
    rows_received integer not null,
    rows_integrated integer not null,
    rows_waiting integer not null,
    rows_rejected integer not null,
    rows_duplicate integer not null,
    usv_received numeric not null,
    usv_integrated numeric not null,
    usv_waiting numeric not null,
    usv_rejected numeric not null,
    usv_duplicate numeric not null,
    primary key (submission_id, quantity, since_load),
    check (rows_received = rows_integrated + rows_waiting + rows_rejected + rows_duplicate),
    check (usv_received = usv_integrated + usv_waiting + usv_rejected + usv_duplicate),
    check (least(rows_integrated, rows_waiting, rows_rejected, rows_duplicate) >= 0)
);

-- Rows that did not integrate or that carry a code. A clean row is its own entry in its dose.
create table ledger.row_entry (
    submission_id integer not null,
    line integer not null,
    since_load integer not null,
    until_load integer,
    first_submission_id integer,
    codes bigint not null,
    outcome char(1) not null check (outcome in ('I', 'A', 'R', 'D')),
    primary key (submission_id, line, since_load)
);

-- Follow-up reports owed to senders: what changed from one load to another. One that is not delivered
-- yet takes later changes in.
create table ledger.follow_up (
    submission_id integer not null references ledger.submission,
    number integer not null,
    first_load_id integer not null references ledger.load,
    load_id integer not null references ledger.load,
    answered_at timestamptz,
    primary key (submission_id, number)
);
create index follow_up_owed on ledger.follow_up (submission_id) where answered_at is null;

-- What was last put into an employer's retour/ as a-declarer.csv.
create table ledger.declaration_list (
    partner_id integer primary key references ledger.partner,
    signature text not null,
    delivered_at timestamptz not null default clock_timestamp()
);

-- Books agree with the row entries, whatever wrote them: judged when the transaction commits.
create function ledger.books_close() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
    booked record;
    entered record;
begin
    select sum(rows_waiting) as waiting, sum(rows_rejected) as rejected, sum(rows_duplicate) as duplicate
    into booked
    from ledger.book where submission_id = new.submission_id and until_load is null;
    select
        count(*) filter (where outcome = 'A') as waiting,
        count(*) filter (where outcome = 'R') as rejected,
        count(*) filter (where outcome = 'D') as duplicate
    into entered
    from ledger.row_entry where submission_id = new.submission_id and until_load is null;
    if (booked.waiting, booked.rejected, booked.duplicate)
        is distinct from (entered.waiting, entered.rejected, entered.duplicate) then
        raise exception 'the books of submission % do not close', new.submission_id;
    end if;
    return null;
end
$$;

create constraint trigger books_close after insert or update on ledger.book
deferrable initially deferred for each row execute function ledger.books_close();

-- A row's outcome is written anew, never over: only the load that is still writing it may amend it.
create function ledger.entry_is_being_written() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
begin
    if (select recorded_at is not null from ledger.load where load_id = old.since_load) then
        raise exception 'row entries are not overwritten';
    end if;
    return new;
end
$$;

create trigger entry_is_being_written before update of codes, outcome on ledger.row_entry
for each row execute function ledger.entry_is_being_written();
