-- name: entries
insert into audit.look (who, door, what, entry_id)
select %s, %s, %s, e.entry_id from unnest(%s::integer[]) as e (entry_id)

-- name: records
insert into audit.look (who, door, what, records) values (%s, %s, %s, %s)

-- name: of_entry
select looked_at, who, door, what from audit.look where entry_id = %s order by look_id desc limit 50
