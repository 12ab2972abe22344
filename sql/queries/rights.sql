-- name: held
-- Every object of the warehouse and who holds what on it, its owner apart; columns where the right is limited to them.
with mine as (
    select n.oid, n.nspname from pg_namespace as n where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
),
relation as (
    select
        c.oid, m.nspname || '.' || c.relname as name, c.relowner, c.relacl,
        case c.relkind when 'v' then 'vue' when 'm' then 'vue' when 'S' then 'séquence' else 'table' end as kind,
        case when c.relkind = 'S' then 's' else 'r' end as what
    from pg_class as c
    inner join mine as m on c.relnamespace = m.oid
    where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and not c.relispartition
),
object as (
    select r.name, r.kind, r.relowner as owner, coalesce(r.relacl, acldefault(r.what::"char", r.relowner)) as acl
    from relation as r
    union all
    select m.nspname || '.' || p.proname, 'fonction', p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc as p
    inner join mine as m on p.pronamespace = m.oid
    union all
    select n.nspname, 'schéma', n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
    from pg_namespace as n
    inner join mine as m on n.oid = m.oid
    union all
    select 'base', 'base', d.datdba, coalesce(d.datacl, acldefault('d', d.datdba))
    from pg_database as d
    where d.datname = current_database()
)
select
    o.name, o.kind,
    case when a.grantee is not null then coalesce(nullif(a.grantee, 0)::regrole::text, 'public') end as role,
    a.privilege_type, null::text[] as columns
from object as o
left join lateral aclexplode(o.acl) as a on a.grantee <> o.owner
union all
select
    r.name, r.kind, coalesce(nullif(a.grantee, 0)::regrole::text, 'public'), a.privilege_type,
    array_agg(t.attname::text order by t.attname)
from relation as r
inner join pg_attribute as t on r.oid = t.attrelid and not t.attisdropped
cross join lateral aclexplode(t.attacl) as a
where a.grantee <> r.relowner
group by r.name, r.kind, a.grantee, a.privilege_type

-- name: owned
-- What a role owns: relations and functions.
select n.nspname || '.' || c.relname
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where c.relowner = quote_ident(%(role)s)::regrole
union all
select n.nspname || '.' || p.proname
from pg_proc as p
inner join pg_namespace as n on p.pronamespace = n.oid
where p.proowner = quote_ident(%(role)s)::regrole

-- name: policies
-- Who passes the row security of which table; everybody where a policy names nobody. A table whose row security is not
-- forced on its owner counts as passed by "owner".
select
    n.nspname || '.' || c.relname,
    coalesce(nullif(r.who, 0)::regrole::text, 'public')
from pg_policy as p
inner join pg_class as c on p.polrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
cross join lateral unnest(p.polroles) as r (who)
union
select n.nspname || '.' || c.relname, 'owner'
from pg_class as c
inner join pg_namespace as n on c.relnamespace = n.oid
where c.relrowsecurity and not c.relforcerowsecurity

-- name: partitions
select n.nspname || '.' || o.relname, a.grantee::regrole::text, a.privilege_type
from pg_class as c
inner join pg_inherits as i on c.oid = i.inhrelid
inner join pg_class as o on i.inhparent = o.oid
inner join pg_namespace as n on o.relnamespace = n.oid
cross join lateral aclexplode(c.relacl) as a
where c.relispartition and a.grantee <> c.relowner
group by 1, 2, 3

-- name: powers
-- What would let a profile pass by its rights, or a login own something: nothing should be found.
with profile as (
    select r.* from pg_roles as r where r.rolname = any(%(roles)s)
)
select p.rolname::text, 'attribut'
from profile as p
where
    p.rolsuper or p.rolcreaterole or p.rolcreatedb or p.rolbypassrls or p.rolreplication
    or p.rolcanlogin <> (p.rolname = any(%(logins)s))
union all
select p.rolname::text, 'membre de ' || m.roleid::regrole::text
from pg_auth_members as m
inner join profile as p on m.member = p.oid
union all
select p.rolname::text, 'possède ' || c.oid::regclass::text
from pg_class as c
inner join profile as p on c.relowner = p.oid
where p.rolname = any(%(logins)s) and c.relpersistence <> 't' and c.relnamespace::regnamespace::text !~ '^pg_'
union all
select p.rolname::text, 'possède ' || f.oid::regprocedure::text
from pg_proc as f
inner join profile as p on f.proowner = p.oid
where p.rolname = any(%(logins)s)
