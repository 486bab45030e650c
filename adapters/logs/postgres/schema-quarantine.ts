// Heads of quarantined events, so that lists and searches read no bodies. Triggers maintain them, because processes that do not know of them
// also add and remove entries. A head stays empty if the database cannot make it (a body with a zero byte is no text for it), or if its entry
// existed before. A process fills those in, some at a time.
const tables = (schema: string): string => `
create table ${schema}.quarantine_heads (
  shop int not null,
  id bigint not null,
  at double precision,
  bytes int,
  -- 128 bits of SHA-256 of the event's id.
  about uuid,
  head json,
  primary key (shop, id)
);
create index quarantine_heads_about on ${schema}.quarantine_heads (shop, about, id);
create index quarantine_heads_empty on ${schema}.quarantine_heads (shop, id) where head is null;

-- How many are kept, and how many have left by a discard or a limit. What else has left has gone by the limit of their number.
create table ${schema}.quarantine_sums (
  shop int primary key,
  kept bigint not null default 0,
  bytes bigint not null default 0,
  discarded bigint not null default 0,
  oversized bigint not null default 0,
  aged bigint not null default 0
);

lock table ${schema}.quarantine in share row exclusive mode;
insert into ${schema}.quarantine_heads (shop, id) select shop, id from ${schema}.quarantine;
insert into ${schema}.quarantine_sums (shop, kept, discarded)
select s.id, k.kept, greatest(0, c.counted - k.kept) from ${schema}.shops s
cross join lateral (select count(*) as kept from ${schema}.quarantine q where q.shop = s.id) k
cross join lateral (select coalesce(sum(r.count), 0) as counted from ${schema}.refusals r where r.shop = s.id) c;
`;

const triggers = (schema: string): string => `
create function ${schema}.quarantine_added_1() returns trigger language plpgsql as $$
declare
  one record;
begin
  for one in select shop, id, entry from added loop
    begin
      insert into ${schema}.quarantine_heads (shop, id, at, bytes, about, head)
      select one.shop, one.id, e.at, octet_length(e.raw),
        substr(encode(sha256(convert_to(left(e."eventId", 500), 'UTF8')), 'hex'), 1, 32)::uuid,
        json_strip_nulls(json_build_object('shop', e.shop, 'at', e.at, 'dialect', e.dialect, 'code', e.code,
          'reasons', e.reasons, 'index', e.index, 'eventId', left(e."eventId", 500), 'name', left(e.name, 200), 'bytes', octet_length(e.raw), 'beginning', left(e.raw, 200)))
      from json_to_record(one.entry) as e(shop text, at double precision, dialect text, code text, reasons json, index int, "eventId" text, name text, raw text)
      where json_array_length(e.reasons) <= 10 and length(e.reasons::text) <= 3000;
      if not found then
        insert into ${schema}.quarantine_heads (shop, id) values (one.shop, one.id);
      end if;
    exception when others then
      insert into ${schema}.quarantine_heads (shop, id) values (one.shop, one.id);
    end;
  end loop;
  insert into ${schema}.quarantine_sums as s (shop, kept, bytes)
  select a.shop, count(*), coalesce(sum(h.bytes), 0) from added a
  join ${schema}.quarantine_heads h on h.shop = a.shop and h.id = a.id group by a.shop
  on conflict (shop) do update set kept = s.kept + excluded.kept, bytes = s.bytes + excluded.bytes;
  return null;
end $$;

create function ${schema}.quarantine_removed_1() returns trigger language plpgsql as $$
begin
  with heads as (
    delete from ${schema}.quarantine_heads h using removed r where h.shop = r.shop and h.id = r.id returning h.shop, h.bytes
  )
  update ${schema}.quarantine_sums s set kept = s.kept - g.count, bytes = s.bytes - g.bytes
  from (select shop, count(*) as count, coalesce(sum(bytes), 0) as bytes from heads group by shop) g
  where s.shop = g.shop;
  return null;
end $$;

create trigger quarantine_added after insert on ${schema}.quarantine
  referencing new table as added for each statement execute function ${schema}.quarantine_added_1();
create trigger quarantine_removed after delete on ${schema}.quarantine
  referencing old table as removed for each statement execute function ${schema}.quarantine_removed_1();
`;

// Each locks the shop's row first, as an append does, so that there is no deadlock.
const functions = (schema: string): string => `
create function ${schema}.fill_heads_1(of_shop int, ids bigint[], ats double precision[], sizes int[], abouts uuid[], heads json[])
returns void language plpgsql as $$
begin
  perform 1 from ${schema}.shops where id = of_shop for update;
  with filled as (
    update ${schema}.quarantine_heads h set at = f.at, bytes = f.size, about = f.about, head = f.head
    from unnest(ids, ats, sizes, abouts, heads) f(id, at, size, about, head)
    where h.shop = of_shop and h.id = f.id and h.head is null returning h.bytes
  )
  update ${schema}.quarantine_sums set bytes = bytes + (select coalesce(sum(f.bytes), 0) from filled f) where shop = of_shop;
end $$;

create function ${schema}.discard_quarantined_1(of_shop text, ids bigint[], out gone bigint) language plpgsql as $$
declare
  found_shop int;
begin
  select id into found_shop from ${schema}.shops where name = of_shop for update;
  delete from ${schema}.quarantine where shop = found_shop and id = any(ids);
  get diagnostics gone = row_count;
  update ${schema}.quarantine_sums set discarded = discarded + gone where shop = found_shop and gone > 0;
end $$;

create function ${schema}.limit_quarantine_1(of_shop text, most_bytes bigint, since double precision) returns void language plpgsql as $$
declare
  found_shop int;
  old bigint;
  large bigint;
begin
  select id into found_shop from ${schema}.shops where name = of_shop for update;
  delete from ${schema}.quarantine where shop = found_shop and id in (
    select o.id from (select id, at from ${schema}.quarantine_heads where shop = found_shop order by id limit 1000) o where o.at < since
  );
  get diagnostics old = row_count;
  large := 0;
  if (select bytes from ${schema}.quarantine_sums where shop = found_shop) > most_bytes then
    delete from ${schema}.quarantine where shop = found_shop and id in (
      select o.id from (
        select id, sum(bytes) over (order by id desc) as sum from ${schema}.quarantine_heads where shop = found_shop
      ) o where o.sum > most_bytes order by o.id limit 1000
    );
    get diagnostics large = row_count;
  end if;
  update ${schema}.quarantine_sums set aged = aged + old, oversized = oversized + large where shop = found_shop and old + large > 0;
end $$;
`;

const jobs = (schema: string): string => `
create table ${schema}.jobs (
  number bigint primary key,
  job json not null
);

create function ${schema}.start_job_1(new_job json, silent_since double precision, out of_number bigint, out of_job json, out started boolean)
language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext('${schema}.jobs'));
  started := false;
  select number, job into of_number, of_job from ${schema}.jobs
  where job->>'state' = 'running' and (job->>'seenAt')::double precision >= silent_since and job->>'of' = new_job->>'of'
    and (job->>'shop' is null or new_job->>'shop' is null or job->>'shop' = new_job->>'shop')
  limit 1;
  if of_number is not null then
    return;
  end if;
  started := true;
  of_job := new_job;
  select coalesce(max(number), 0) + 1 into of_number from ${schema}.jobs;
  insert into ${schema}.jobs (number, job) values (of_number, new_job);
  delete from ${schema}.jobs where number in (
    select number from ${schema}.jobs
    where job->>'state' <> 'running' or (job->>'seenAt')::double precision < silent_since order by number desc offset 100
  );
end $$;
`;

/** The migration that keeps heads and sums of quarantined events, and jobs. */
export const quarantineOf = (schema: string): string =>
  [tables, triggers, functions, jobs].map((part) => part(schema)).join('');
