import type { Position } from '../../../adapters/logs/log.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import type { Move } from './moves.ts';

/** A database as platforms rent it out: its role is no superuser, and has a limit of connections. */
export interface RentedDatabase {
  readonly postgres: Postgres;
  readonly name: string;
  /** For a process, by a name that tells its moves from those of the others. */
  urlFor(process: string): string;
  /** Writes down from now on which process claims, saves and releases which pipeline. Its tables must be there. */
  watch(): Promise<void>;
  /** In order for each pipeline. */
  moves(): Promise<Move[]>;
  /** Makes a migration wait this long, as one with much to do would. */
  holdMigrations(ms: number): Promise<void>;
  /** How often a connection was refused because there were too many. */
  refused(): number;
  close(): Promise<void>;
}

export async function rentDatabase(connections: number): Promise<RentedDatabase> {
  const postgres = await startPostgres();
  const url = await postgres.createDatabase();
  const name = new URL(url).pathname.slice(1);
  await postgres.query(name, `create role tenant login connection limit ${connections}`);
  await postgres.query(name, `alter database ${name} owner to tenant`);
  return {
    postgres,
    name,
    urlFor(process) {
      const own = new URL(url);
      own.username = 'tenant';
      own.searchParams.set('options', `-c audit.process=${process}`);
      // A plus sign is a plus sign to libpq, and to the gateway.
      return own.href.replaceAll('+', '%20');
    },
    watch: async () => void (await postgres.query(name, WATCH)),
    moves: async () => (await postgres.query(name, MOVES)).map(moveOf),
    holdMigrations: async (ms) =>
      void (await postgres.query(
        name,
        `select pg_advisory_xact_lock(hashtext('headless_events.migrations')), pg_sleep(${ms / 1000})`,
      )),
    refused: () => postgres.log().split('too many connections').length - 1,
    close: postgres.stop,
  };
}

// Numbered under the lock of the pipeline's row, so that a pipeline's moves are in the order in which they were committed.
const WATCH = `
create schema audit;
create table audit.moves (
  number bigint generated always as identity primary key,
  pipeline text not null,
  process text not null,
  at timestamptz not null,
  owner_before uuid,
  owner uuid,
  expired boolean,
  position_before bigint not null,
  position bigint not null
);
create function audit.moved() returns trigger language plpgsql security definer as $$
begin
  insert into audit.moves (pipeline, process, at, owner_before, owner, expired, position_before, position)
  values (old.shop || '/' || old.pipeline, coalesce(current_setting('audit.process', true), ''), clock_timestamp(),
    old.owner, new.owner, old.lease_until < now(), (old.progress->>'position')::bigint, (new.progress->>'position')::bigint);
  return null;
end $$;
create trigger moved after update on headless_events.pipelines for each row
when (new.owner is distinct from old.owner or new.progress::text is distinct from old.progress::text)
execute function audit.moved();
`;

const MOVES = `
select pipeline, process, extract(epoch from at) * 1000 as at, owner_before is not null as owned, owner is not null as owns,
  owner is distinct from owner_before as changed, coalesce(expired, true) as expired, position_before, position
from audit.moves order by number`;

function moveOf(row: Record<string, unknown>): Move {
  const kind = row.changed ? (row.owns ? 'claimed' : 'released') : 'saved';
  return {
    pipeline: String(row.pipeline),
    process: String(row.process),
    at: Number(row.at),
    kind,
    expired: row.owned === false || row.expired === true,
    before: Number(row.position_before) satisfies Position,
    position: Number(row.position) satisfies Position,
  };
}
