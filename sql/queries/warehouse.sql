-- name: registry_table
create table if not exists siseri_migration (
    number integer primary key,
    name text not null,
    applied_at timestamptz not null default clock_timestamp()
);
create table if not exists siseri_registry (
    only_row boolean primary key default true check (only_row),
    key_check text not null
);

-- name: key_check
insert into siseri_registry (key_check) values (%s) on conflict do nothing

-- name: code_list
insert into reference.code_list (list, number, code, label) values (%s, %s, %s, %s)
on conflict (list, number) do update set label = excluded.label
