import { Notifier } from '../notifier.ts';
import { changedReplay, nextReplayId, type ReplayChange } from '../replay-change.ts';
import type { Replay, Replays } from '../state/replays.ts';

/** The replays in memory. */
export class MemoryReplays implements Replays {
  readonly #replays = new Map<string, Replay>();
  readonly #changes = new Notifier<'replays'>();

  async add(given: Omit<Replay, 'id'>): Promise<Replay> {
    return this.#save({ ...given, id: nextReplayId([...this.#replays.values()]) });
  }

  async change(id: string, change: ReplayChange): Promise<Replay | undefined> {
    const replay = this.#replays.get(id);
    return replay && this.#save(changedReplay(replay, change));
  }

  async remove(id: string): Promise<void> {
    const newest = [...this.#replays.keys()].at(-1);
    if (newest !== id && this.#replays.get(id)?.ended) this.#replays.delete(id);
  }

  #save(replay: Replay): Replay {
    this.#replays.set(replay.id, replay);
    this.#changes.notify('replays');
    return replay;
  }

  changed(): AbortSignal {
    return this.#changes.nextSignal('replays');
  }

  async all(): Promise<Replay[]> {
    return [...this.#replays.values()];
  }
}
