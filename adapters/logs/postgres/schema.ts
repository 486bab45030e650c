import { lettersOf } from './schema-letters.ts';
import { quarantineOf } from './schema-quarantine.ts';
import { recordOf } from './schema-record.ts';
import { releasedOf } from './schema-released.ts';

/** Everything is in a schema of its own, so that the database can be shared with other software of a shop. */
export const SCHEMA = 'headless_events';

/** Selects the row of a pipeline; its shop and name are the first two values of the statement. */
export const PIPELINE_ROW = `(select id from ${SCHEMA}.pipelines where shop = $1 and pipeline = $2)`;

export interface Migration {
  readonly number: number;
  readonly name: string;
  /**
   * The newest migration that a process must know to work with this schema. During a rollout the old version keeps running, and a migration that
   * it cannot live with would stop it. So such a step is taken one version after the code stopped needing the old form.
   */
  readonly worksFrom: number;
  readonly sql: string;
}

// A shop's positions come from its row, under the row's lock, in the transaction that stores the events. So positions have no gaps and become
// visible in order: a reader that has read up to a position has read everything before it, whichever process wrote it.
const log = `
create table ${SCHEMA}.shops (
  id int generated always as identity primary key,
  name text collate "C" not null unique,
  newest bigint not null default 0,
  received bigint not null default 0,
  duplicate bigint not null default 0,
  refusals bigint not null default 0
) with (fillfactor = 50);

create table ${SCHEMA}.refusals (
  shop int not null,
  code text not null,
  count bigint not null,
  primary key (shop, code)
);

-- What one commit appended to one shop. "kept" names the events of the page that were new, by their places in it, where not all were.
create table ${SCHEMA}.pages (
  day date not null,
  shop int not null,
  first bigint not null,
  last bigint not null,
  at double precision not null,
  kept int[],
  page bytea not null,
  primary key (shop, first, day)
) partition by range (day);
alter table ${SCHEMA}.pages alter column page set storage external;

-- 128 bits of SHA-256 of every event id.
create table ${SCHEMA}.ids (
  day date not null,
  shop int not null,
  hash uuid not null,
  position bigint not null,
  primary key (shop, hash, day)
) partition by range (day);

create table ${SCHEMA}.quarantine (
  shop int not null,
  id bigint not null,
  entry json not null,
  primary key (shop, id)
);
`;

// Day tables are created ahead of time, and on demand if one is missing.
const days = `
create function ${SCHEMA}.ensure_days_1(from_day date, to_day date) returns void language plpgsql as $$
declare
  one date;
begin
  perform pg_advisory_xact_lock(hashtext('${SCHEMA}.days'));
  for one in select generate_series(from_day, to_day, interval '1 day')::date loop
    execute format('create table if not exists ${SCHEMA}.%I partition of ${SCHEMA}.pages for values from (%L) to (%L)',
      'pages_' || to_char(one, 'YYYYMMDD'), one, one + 1);
    execute format('create table if not exists ${SCHEMA}.%I partition of ${SCHEMA}.ids for values from (%L) to (%L)',
      'ids_' || to_char(one, 'YYYYMMDD'), one, one + 1);
  end loop;
end $$;
`;

// One call, one transaction, one round trip: a client that hangs never holds a lock.
const append = `
create function ${SCHEMA}.append_1(
  of_day date, since date, names text[], bytes bytea, ends int[], ats double precision[], hashes uuid[], owners int[],
  gained int[], repeats int[], refused_owners int[], refused_codes text[], refused_entries json[],
  released_owners int[], released_ids bigint[], released_codes text[], quarantine_max int,
  out known bigint[], out befores bigint[]
-- Plans are made while a day's table is empty, and kept when it is not.
) language plpgsql set enable_seqscan = off as $$
declare
  shop_ids int[];
begin
  for attempt in 1..2 loop
    -- In the order of the names, which is the same in every process, so that two commits never wait for each other.
    select array_agg(id order by n), array_agg(newest order by n) into shop_ids, befores from (
      select s.id, s.newest, g.n from unnest(names) with ordinality g(name, n) join ${SCHEMA}.shops s on s.name = g.name
      order by g.n for update of s
    ) locked;
    exit when coalesce(array_length(shop_ids, 1), 0) = array_length(names, 1);
    insert into ${SCHEMA}.shops (name) select unnest(names) on conflict do nothing;
  end loop;

  -- Under the locks nobody else can add ids of these shops, and this statement sees all that were added before.
  select coalesce(array_agg(coalesce(k.position, 0) order by g.n), '{}') into known
  from unnest(hashes, owners) with ordinality g(hash, owner, n)
  left join lateral (
    select max(i.position) as position from ${SCHEMA}.ids i
    where i.shop = shop_ids[g.owner] and i.hash = g.hash and i.day >= since
  ) k on true;

  insert into ${SCHEMA}.ids (day, shop, hash, position)
  select of_day, shop_ids[g.owner], g.hash, befores[g.owner] + row_number() over (partition by g.owner order by g.n)
  from unnest(hashes, owners, known) with ordinality g(hash, owner, position, n)
  where g.position = 0;

  insert into ${SCHEMA}.pages (day, shop, first, last, at, kept, page)
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
    insert into ${SCHEMA}.quarantine (shop, id, entry)
    select s.id, s.refusals + row_number() over (partition by s.id order by r.n), r.entry
    from unnest(refused_owners, refused_entries) with ordinality r(owner, entry, n)
    join ${SCHEMA}.shops s on s.id = shop_ids[r.owner];
    update ${SCHEMA}.shops s set refusals = s.refusals + r.count
    from (select shop_ids[owner] as id, count(*) as count from unnest(refused_owners) r(owner) group by owner) r
    where s.id = r.id;
    delete from ${SCHEMA}.quarantine q using ${SCHEMA}.shops s
    where s.id = any(shop_ids) and q.shop = s.id and q.id <= s.refusals - quarantine_max;
  end if;
  if array_length(released_owners, 1) > 0 then
    delete from ${SCHEMA}.quarantine q using unnest(released_owners, released_ids) r(owner, id)
    where q.shop = shop_ids[r.owner] and q.id = r.id;
  end if;
  if array_length(refused_owners, 1) > 0 or array_length(released_owners, 1) > 0 then
    insert into ${SCHEMA}.refusals as c (shop, code, count)
    select shop_ids[owner], code, sum(one) from (
      select owner, code, 1 as one from unnest(refused_owners, refused_codes) r(owner, code)
      union all select owner, code, -1 from unnest(released_owners, released_codes) r(owner, code)
    ) r group by owner, code
    on conflict (shop, code) do update set count = c.count + excluded.count;
  end if;

  update ${SCHEMA}.shops s set
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

// Creating or dropping a partition locks the whole log until every reader has finished. Attaching one does not.
const attach = `
create function ${SCHEMA}.ensure_days_2(from_day date, to_day date) returns void language plpgsql as $$
declare
  one date;
  kind text;
  name text;
begin
  perform pg_advisory_xact_lock(hashtext('${SCHEMA}.days'));
  for one in select generate_series(from_day, to_day, interval '1 day')::date loop
    foreach kind in array array['pages', 'ids'] loop
      name := kind || '_' || to_char(one, 'YYYYMMDD');
      if to_regclass('${SCHEMA}.' || name) is null then
        execute format('create table ${SCHEMA}.%I (like ${SCHEMA}.%I including all)', name, kind);
        execute format('alter table ${SCHEMA}.%I attach partition ${SCHEMA}.%I for values from (%L) to (%L)', kind, name, one, one + 1);
      end if;
    end loop;
  end loop;
end $$;
`;

const state = `
create table ${SCHEMA}.pipelines (
  id int generated always as identity primary key,
  shop text not null,
  pipeline text not null,
  progress json not null,
  -- Who moves it, until when unless that process says that it lives, and what it is doing.
  owner uuid,
  lease_until timestamptz,
  phase json,
  -- Who else asks for it, and until when it is kept for that one.
  asked_by uuid,
  asked_until timestamptz,
  redrives bigint not null default 0,
  unique (shop, pipeline)
) with (fillfactor = 50);

create table ${SCHEMA}.journal (
  pipeline int not null,
  first bigint not null,
  last bigint not null,
  line json not null,
  primary key (pipeline, first)
);

create table ${SCHEMA}.dead (
  pipeline int not null,
  position bigint not null,
  ended boolean not null,
  redrive boolean not null,
  letter json not null,
  primary key (pipeline, position)
);

create table ${SCHEMA}.rules (
  shop text not null,
  pipeline text not null,
  since bigint not null,
  rule json not null,
  primary key (shop, pipeline, since)
);

create table ${SCHEMA}.replays (
  id text primary key,
  replay json not null
);
create sequence ${SCHEMA}.replay_changes;

create table ${SCHEMA}.processes (
  id uuid primary key,
  kind text not null,
  connections int not null,
  beat timestamptz not null
);
`;

// Finds the few marked dead letters among very many.
const marks = `create index dead_marked on ${SCHEMA}.dead (pipeline, position) where redrive and not ended`;

export const migrations: readonly Migration[] = [
  { number: 1, name: 'log', worksFrom: 1, sql: log + days + append },
  { number: 2, name: 'state', worksFrom: 1, sql: state },
  { number: 3, name: 'records of format 2', worksFrom: 1, sql: recordOf(SCHEMA) },
  { number: 4, name: 'days that lock nothing', worksFrom: 1, sql: attach },
  { number: 5, name: 'dead letters that are marked', worksFrom: 1, sql: marks },
  { number: 6, name: 'quarantine', worksFrom: 1, sql: quarantineOf(SCHEMA) },
  { number: 7, name: 'since when nobody moves a pipeline', worksFrom: 1, sql: releasedOf(SCHEMA) },
  { number: 8, name: 'limits of dead letters', worksFrom: 1, sql: lettersOf(SCHEMA) },
];
