// The heads of events (head.ts) are columns here, so that a known id is recognised without reading a page. Older rows have none: there the id
// alone decides.
const columns = (schema: string): string => `
alter table ${schema}.ids add column kind int, add column flags smallint, add column order_key bigint;

-- The form in which a process reads and writes pages.
alter table ${schema}.processes add column format int not null default 1;

-- What is so for the whole log: "format", in which pages are written, and the "key" with which ids are hashed. It is empty where ids were
-- hashed without one before, or a process is here that knows of none.
create table ${schema}.settings (
  name text primary key,
  value text not null
);
insert into ${schema}.settings
select 'key', case when exists (select 1 from ${schema}.ids) or exists (select 1 from ${schema}.processes)
  then '' else replace(gen_random_uuid()::text, '-', '') end;
insert into ${schema}.settings values ('format', '1');
`;

// As in areDifferent of kind.ts.
const kinds = (schema: string): string => `
create function ${schema}.kinds_differ_1(a int, b int) returns boolean language sql immutable as $$
  select ((a >> 20) & 4095) <> 0 and ((b >> 20) & 4095) <> 0 and ((a >> 20) & 4095) <> ((b >> 20) & 4095)
    or ((a >> 10) & 1023) <> 0 and ((b >> 10) & 1023) <> 0 and ((a >> 10) & 1023) <> ((b >> 10) & 1023)
      and (a & 1023) <> 0 and (b & 1023) <> 0 and (a & 1023) <> (b & 1023)
$$;
`;

// Processes that know only format 1 are kept out from here on: by "works_from" when they start, and by the check below if they have looked
// already. Rolled back if one is connected.
const format = (schema: string): string => `
create function ${schema}.use_format_2(out used boolean) language plpgsql as $$
begin
  select value >= '2' into used from ${schema}.settings where name = 'format';
  if used or exists (select 1 from ${schema}.processes where format < 2) then
    return;
  end if;
  perform pg_advisory_xact_lock(hashtext('${schema}.migrations'));
  lock table ${schema}.processes in access exclusive mode;
  if exists (select 1 from ${schema}.processes where format < 2) then
    return;
  end if;
  update ${schema}.settings set value = '2' where name = 'format' and value = '1';
  if found then
    alter table ${schema}.processes add constraint "the log has format 2: deploy a newer version" check (format >= 2);
    update ${schema}.migrations set works_from = 3 where number = 3;
  end if;
  used := true;
end $$;
`;

// Like append_1, but if a part must be stored differently it stores nothing and says which: "gone" are released events that are not in
// quarantine any more, "unlike" are events whose ids belong to others of another kind.
const append = (schema: string): string => `
create function ${schema}.append_2(
  of_day date, since date, names text[], bytes bytea, ends int[], ats double precision[],
  hashes uuid[], kinds int[], flags smallint[], orders bigint[], owners int[], by_kind boolean,
  gained int[], repeats int[], refused_owners int[], refused_codes text[], refused_entries json[],
  released_owners int[], released_ids bigint[], released_codes text[], quarantine_max int,
  out known bigint[], out befores bigint[], out gone int[], out unlike int[]
-- Plans are made while a day's table is empty, and kept when it is not.
) language plpgsql set enable_seqscan = off as $$
declare
  shop_ids int[];
begin
  for attempt in 1..2 loop
    -- In the order of the names, which is the same in every process, so that two commits never wait for each other.
    select array_agg(id order by n), array_agg(newest order by n) into shop_ids, befores from (
      select s.id, s.newest, g.n from unnest(names) with ordinality g(name, n) join ${schema}.shops s on s.name = g.name
      order by g.n for update of s
    ) locked;
    exit when coalesce(array_length(shop_ids, 1), 0) = array_length(names, 1);
    insert into ${schema}.shops (name) select unnest(names) on conflict do nothing;
  end loop;

  gone := '{}';
  if array_length(released_owners, 1) > 0 then
    select coalesce(array_agg(r.n::int), '{}') into gone from unnest(released_owners, released_ids) with ordinality r(owner, id, n)
    where not exists (select 1 from ${schema}.quarantine q where q.shop = shop_ids[r.owner] and q.id = r.id);
  end if;

  -- Under the locks nobody else can add ids of these shops, and this statement sees all that were added before.
  select coalesce(array_agg(coalesce(k.position, 0) order by g.n), '{}'),
    coalesce(array_agg(g.n::int) filter (where by_kind and g.flags & 1 = 0 and ${schema}.kinds_differ_1(k.kind, g.kind)), '{}')
  into known, unlike
  from unnest(hashes, owners, kinds, flags) with ordinality g(hash, owner, kind, flags, n)
  left join lateral (
    select i.position, i.kind from ${schema}.ids i
    where i.shop = shop_ids[g.owner] and i.hash = g.hash and i.day >= since
    order by i.position desc limit 1
  ) k on true;
  if array_length(gone, 1) > 0 or array_length(unlike, 1) > 0 then
    return;
  end if;

  insert into ${schema}.ids (day, shop, hash, position, kind, flags, order_key)
  select of_day, shop_ids[g.owner], g.hash, befores[g.owner] + row_number() over (partition by g.owner order by g.n),
    nullif(g.kind, 0), nullif(g.flags, 0), g.order_key
  from unnest(hashes, owners, known, kinds, flags, orders) with ordinality g(hash, owner, position, kind, flags, order_key, n)
  where g.position = 0;

  insert into ${schema}.pages (day, shop, first, last, at, kept, page)
  select of_day, shop_ids[c.owner], befores[c.owner] + 1, befores[c.owner] + c.fresh, ats[c.owner],
    case when c.fresh < c.given then c.kept end,
    substring(bytes from coalesce(ends[c.owner - 1], 0) + 1 for ends[c.owner] - coalesce(ends[c.owner - 1], 0))
  from (
    select owner, count(*) as given, count(*) filter (where position = 0) as fresh,
      array_agg(place - 1 order by place) filter (where position = 0) as kept
    from (
      select g.owner, g.position, (row_number() over (partition by g.owner order by g.n))::int as place
      from unnest(owners, known) with ordinality g(owner, position, n)
    ) placed group by owner
  ) c
  where c.fresh > 0;

  if array_length(refused_owners, 1) > 0 then
    insert into ${schema}.quarantine (shop, id, entry)
    select s.id, s.refusals + row_number() over (partition by s.id order by r.n), r.entry
    from unnest(refused_owners, refused_entries) with ordinality r(owner, entry, n)
    join ${schema}.shops s on s.id = shop_ids[r.owner];
    update ${schema}.shops s set refusals = s.refusals + r.count
    from (select shop_ids[owner] as id, count(*) as count from unnest(refused_owners) r(owner) group by owner) r
    where s.id = r.id;
    delete from ${schema}.quarantine q using ${schema}.shops s
    where s.id = any(shop_ids) and q.shop = s.id and q.id <= s.refusals - quarantine_max;
  end if;
  if array_length(released_owners, 1) > 0 then
    delete from ${schema}.quarantine q using unnest(released_owners, released_ids) r(owner, id)
    where q.shop = shop_ids[r.owner] and q.id = r.id;
  end if;
  if array_length(refused_owners, 1) > 0 or array_length(released_owners, 1) > 0 then
    insert into ${schema}.refusals as c (shop, code, count)
    select shop_ids[owner], code, sum(one) from (
      select owner, code, 1 as one from unnest(refused_owners, refused_codes) r(owner, code)
      union all select owner, code, -1 from unnest(released_owners, released_codes) r(owner, code)
    ) r group by owner, code
    on conflict (shop, code) do update set count = c.count + excluded.count;
  end if;

  update ${schema}.shops s set
    newest = s.newest + coalesce(c.fresh, 0),
    received = s.received + g.gained,
    duplicate = s.duplicate + g.repeats + coalesce(c.given - c.fresh, 0)
  from unnest(gained, repeats) with ordinality g(gained, repeats, owner)
  left join (
    select k.owner, count(*) as given, count(*) filter (where k.position = 0) as fresh
    from unnest(owners, known) k(owner, position) group by k.owner
  ) c on c.owner = g.owner
  where s.id = shop_ids[g.owner];
end $$;
`;

/** The migration to records of format 2. */
export const recordOf = (schema: string): string =>
  [columns, kinds, format, append].map((part) => part(schema)).join('');
