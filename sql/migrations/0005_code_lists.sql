-- The code lists, as loaded by init from the project's data files: what the numbers in doses mean and
-- the nomenclatures of activities. A list only grows; a code that falls out of use gets an end.

create table reference.code_list (
    list text not null,
    number smallint not null,
    code text not null,
    label text not null,
    valid_from date not null default '1900-01-01',
    valid_to date,
    primary key (list, number),
    unique (list, code)
);

create view dose.passive_current as
select
    d.worker_id,
    e.siret,
    p.code as sender,
    q.code as quantity,
    l.code as location,
    t.code as dosimeter,
    d.start_day,
    d.end_day,
    s.code as state,
    d.value_usv,
    d.threshold_usv,
    d.measure_id,
    d.submission_id,
    d.line,
    d.since_load
from dose.passive as d
inner join reference.establishment as e on d.establishment_id = e.establishment_id
inner join ledger.partner as p on d.sender_id = p.partner_id
inner join reference.code_list as q on q.list = 'PASSIVE.TYPE_MESURE' and d.quantity = q.number
inner join reference.code_list as l on l.list = 'PASSIVE.LOCALISATION' and d.location = l.number
inner join reference.code_list as t on t.list = 'PASSIVE.TYPE_DOSIMETRE' and d.dosimeter = t.number
inner join reference.code_list as s on s.list = 'PASSIVE.ETAT_RESULTAT' and d.state = s.number
where d.until_load is null;

create view dose.operational_current as
select
    d.worker_id,
    e.siret,
    p.code as sender,
    q.code as quantity,
    t.code as dosimeter,
    d.value_usv,
    d.place,
    d.zone,
    d.activity,
    d.submission_id,
    d.line,
    d.since_load,
    timestamp '1970-01-01' + d.start_minute * interval '1 minute' as start_at,
    timestamp '1970-01-01' + d.end_minute * interval '1 minute' as end_at
from dose.operational as d
inner join reference.establishment as e on d.establishment_id = e.establishment_id
inner join ledger.partner as p on d.sender_id = p.partner_id
inner join reference.code_list as q on q.list = 'OPERATIONNELLE.TYPE_MESURE' and d.quantity = q.number
inner join reference.code_list as t on t.list = 'OPERATIONNELLE.TYPE_DOSIMETRE' and d.dosimeter = t.number
where d.until_load is null;
