import { FORMAT } from './format.ts';
import { SCHEMA } from './schema.ts';

/** A process that is silent for this long counts as gone: others take its pipelines. */
export const LEASE_MS = 6000;
export const LEASE = `interval '${LEASE_MS} milliseconds'`;

/** Records that a process lives, renews its leases, and gives the state of all pipelines. */
export const BEAT = `
with me as (
  insert into ${SCHEMA}.processes (id, kind, connections, beat, format) values ($1::uuid, $2, $3, now(), ${FORMAT})
  on conflict (id) do update set beat = now()
), gone as (
  delete from ${SCHEMA}.processes where beat < now() - ${LEASE} and id <> $1::uuid
), renewed as (
  update ${SCHEMA}.pipelines set lease_until = now() + ${LEASE} where id = any($4::int[]) and owner = $1::uuid
)
select
  (select json_agg(json_build_object('id', id, 'key', shop || '/' || pipeline, 'owner', owner, 'expired', lease_until < now(),
    'left', extract(epoch from lease_until - now()) * 1000,
    'asked', case when asked_until > now() then asked_by end, 'redrives', redrives::text)) from ${SCHEMA}.pipelines) as pipelines,
  (select count(*) from ${SCHEMA}.processes where kind <> 'web' and beat > now() - ${LEASE}) as movers,
  (select last_value::text || is_called::text from ${SCHEMA}.replay_changes) as replays`;

/** Takes free pipelines. The phase is for processes of an earlier release, for which a pipeline without one is not moved. */
export const CLAIM = `
update ${SCHEMA}.pipelines set owner = $1, lease_until = now() + ${LEASE}, asked_by = null, asked_until = null, phase = '{"kind":"waiting"}', released_at = null
where id = any($2) and (owner is null or owner = $1 or lease_until < now()) and (asked_by is null or asked_by = $1 or asked_until < now())
returning id, progress, redrives`;

/** Saves progress, journal line and dead letters of a pipeline together, if the process still owns it. */
export const SAVE = `
with saved as (
  update ${SCHEMA}.pipelines set progress = $3 where id = $1 and owner = $2 returning id
), line as (
  insert into ${SCHEMA}.journal (pipeline, first, last, line) select id, $4::bigint, $5::bigint, $6::json from saved where $4::bigint is not null
  on conflict (pipeline, first) do update set last = excluded.last, line = excluded.line
), letters as (
  insert into ${SCHEMA}.dead (pipeline, position, ended, redrive, letter)
  select saved.id, l.position, l.ended, l.redrive, l.letter
  from saved, unnest($7::bigint[], $8::bool[], $9::bool[], $10::json[]) l(position, ended, redrive, letter)
  on conflict (pipeline, position) do update set ended = excluded.ended, redrive = excluded.redrive, letter = excluded.letter
)
select id from saved`;
