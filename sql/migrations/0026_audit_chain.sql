-- The audit is chained: each look has a link whose digest covers the look and the link before it, so that a look that
-- was changed, taken out or slipped in afterwards shows. Links are made by the database as looks come in, whoever
-- writes them; the head says how many there are, so that the newest cannot go unseen either.

-- The lock that links wait for one another with: one row, held from a look to the end of its transaction. (A lock on
-- what is read, not an advisory one: a transaction that reads an older state is refused and never forks the chain.)
create table audit.head (
    only_one boolean primary key default true check (only_one),
    place bigint not null,
    digest bytea not null
);
insert into audit.head (place, digest) values (0, '');

create table audit.link (
    place bigint primary key check (place > 0),
    look_id bigint not null unique,
    digest bytea not null check (length(digest) = 32)
);
comment on column audit.link.place is 'from 1, without gaps, in the order of the chain';

-- What a digest covers of a look: every column that says something, so that a column added later, null in the looks of
-- before, changes no digest. In one form whatever the session's settings: times are seconds, to the microsecond.
create function audit.content(look audit.look) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select jsonb_strip_nulls(
        to_jsonb(look) || jsonb_build_object('looked_at', extract(epoch from look.looked_at))
    )::text
$$;

create function audit.digest(before bytea, content text) returns bytea
language sql immutable set search_path = pg_catalog, pg_temp as $$
    select sha256(before || convert_to(content, 'UTF8'))
$$;

create function audit.chain() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    one record;
    at bigint;
    last bytea;
begin
    select h.place, h.digest into strict at, last from audit.head as h for update;
    for one in select n.look_id, audit.content(n::audit.look) as content from fresh as n order by n.look_id loop
        at := at + 1;
        last := audit.digest(last, one.content);
        insert into audit.link (place, look_id, digest) values (at, one.look_id, last);
    end loop;
    update audit.head as h set place = at, digest = last;
    return null;
end
$$;

-- Nobody has the right to; this stops an owner's slip too.
create function audit.refuse() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'the audit is never changed' using errcode = 'insufficient_privilege';
end
$$;

-- Looks of before get their links now.
do $$
declare
    one record;
    at bigint := 0;
    last bytea := '';
begin
    lock table audit.look in share row exclusive mode;
    for one in select l.look_id, audit.content(l) as content from audit.look as l order by l.look_id loop
        at := at + 1;
        last := audit.digest(last, one.content);
        insert into audit.link (place, look_id, digest) values (at, one.look_id, last);
    end loop;
    update audit.head as h set place = at, digest = last;
end
$$;

create trigger look_is_chained after insert on audit.look
referencing new table as fresh for each statement execute function audit.chain();
create trigger look_stays before update or delete or truncate on audit.look
for each statement execute function audit.refuse();
create trigger link_stays before update or delete or truncate on audit.link
for each statement execute function audit.refuse();
create trigger head_stays before delete or truncate on audit.head
for each statement execute function audit.refuse();
create trigger extract_stays before update or delete or truncate on audit.research_export
for each statement execute function audit.refuse();

create index look_worker on audit.look (worker_id) where worker_id is not null;

do $$
declare
    loader text := current_database() || '_loader';
    analyst text := current_database() || '_analyst';
begin
    execute 'revoke execute on all functions in schema audit from public';
    execute format('grant execute on function audit.content, audit.digest to %I, %I', loader, analyst);
    execute format('grant select on audit.link, audit.head to %I, %I', loader, analyst);
end
$$;
