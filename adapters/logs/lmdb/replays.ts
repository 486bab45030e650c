import type { Database, RootDatabase } from 'lmdb';
import { Notifier } from '../notifier.ts';
import { changedReplay, nextReplayId, type ReplayChange, replayNumber } from '../replay-change.ts';
import type { Replay, Replays } from '../state/replays.ts';
import type { Commit } from './chain.ts';
import { bytesOf } from './pages.ts';

/** The replays of an embedded log. It has one owner, so changes that run one after the other are atomic. */
export class LmdbReplays implements Replays {
  readonly #replays: Database<Replay, string>;
  readonly #commit: Commit;
  readonly #changes = new Notifier<'replays'>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(root: RootDatabase, commit: Commit) {
    this.#replays = root.openDB({ name: 'replays', encoding: 'json' });
    this.#commit = commit;
  }

  async all(): Promise<Replay[]> {
    return this.#all();
  }

  changed(): AbortSignal {
    return this.#changes.nextSignal('replays');
  }

  usedBytes(): number {
    return bytesOf(this.#replays);
  }

  #all(): Replay[] {
    const replays = [...this.#replays.getRange()].map(({ value }) => value);
    return replays.sort((a, b) => replayNumber(a) - replayNumber(b));
  }

  add(replay: Omit<Replay, 'id'>): Promise<Replay> {
    return this.#inTurn(() => this.#put({ ...replay, id: nextReplayId(this.#all()) }));
  }

  change(id: string, change: ReplayChange): Promise<Replay | undefined> {
    return this.#inTurn(async () => {
      const replay = this.#replays.get(id);
      if (replay === undefined) return undefined;
      const changed = changedReplay(replay, change);
      return changed === replay ? replay : this.#put(changed);
    });
  }

  remove(id: string): Promise<void> {
    return this.#inTurn(async () => {
      const newest = this.#all().at(-1);
      if (newest && newest.id !== id && this.#replays.get(id)?.ended)
        await this.#commit(() => this.#replays.remove(id));
    });
  }

  async #put(replay: Replay): Promise<Replay> {
    await this.#commit(() => this.#replays.put(replay.id, replay));
    this.#changes.notify('replays');
    return replay;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}
