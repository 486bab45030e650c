import { changedReplay, type ReplayChange } from '../replay-change.ts';
import type { Replay, Replays } from '../state/replays.ts';
import type { Ask } from './database.ts';
import type { Leases } from './leases.ts';
import { SCHEMA } from './schema.ts';

/** The replays in a database. A change applies to the stored state; on a conflict it is tried again. */
export class PostgresReplays implements Replays {
  readonly #ask: Ask;
  readonly #onChanged: () => void;
  readonly #changes: Pick<Leases, 'replaysChanged'>;

  /** `changes`: notified of changes by any process. `onChanged`: notifies the others. */
  constructor(ask: Ask, changes: Pick<Leases, 'replaysChanged'>, onChanged: () => void) {
    this.#ask = ask;
    this.#changes = changes;
    this.#onChanged = onChanged;
  }

  changed(): AbortSignal {
    return this.#changes.replaysChanged();
  }

  async all(): Promise<Replay[]> {
    const rows = await this.#ask(`select replay from ${SCHEMA}.replays order by length(id), id`);
    return rows.map(({ replay }) => replay as Replay);
  }

  async add(replay: Omit<Replay, 'id'>): Promise<Replay> {
    for (;;) {
      const [row] = await this.#ask(ADD, [JSON.stringify(replay)]);
      // If two add at once, one gets the id and the other tries the next.
      if (row === undefined) continue;
      this.#onChanged();
      return row.replay as Replay;
    }
  }

  async change(id: string, change: ReplayChange): Promise<Replay | undefined> {
    for (;;) {
      const [row] = await this.#ask(`select replay, replay::text as was from ${SCHEMA}.replays where id = $1`, [id]);
      if (row === undefined) return undefined;
      const replay = row.replay as Replay;
      const changed = changedReplay(replay, change);
      if (changed === replay) return replay;
      const [saved] = await this.#ask(
        `update ${SCHEMA}.replays set replay = $2::json from nextval('${SCHEMA}.replay_changes')
         where id = $1 and replay::text = $3 returning id`,
        [id, JSON.stringify(changed), row.was],
      );
      if (saved === undefined) continue;
      this.#onChanged();
      return changed;
    }
  }

  async remove(id: string): Promise<void> {
    await this.#ask(
      `delete from ${SCHEMA}.replays where id = $1 and replay->>'ended' is not null
       and id <> (select id from ${SCHEMA}.replays order by length(id) desc, id desc limit 1)`,
      [id],
    );
  }
}

const ADD = `
with next as (
  select 'r' || (coalesce(max(substr(id, 2)::bigint), 0) + 1) as id from ${SCHEMA}.replays where id ~ '^r[0-9]+$'
)
insert into ${SCHEMA}.replays (id, replay)
select next.id, (jsonb_build_object('id', next.id) || $1::jsonb)::json from next, nextval('${SCHEMA}.replay_changes')
on conflict do nothing returning replay`;
