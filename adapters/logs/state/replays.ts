import type { Position } from '../log.ts';
import type { ReplayChange } from '../replay-change.ts';
import type { PipelineId } from './shared.ts';

/** A stretch of the log that a pipeline delivers again. Its own progress is kept under its id, as a pipeline's. */
export interface Replay extends PipelineId {
  readonly id: string;
  /** Delivers what follows this position, up to `to`. */
  readonly after: Position;
  readonly to: Position;
  readonly types?: readonly string[] | undefined;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** It delivers what this pipeline owes, which left the configuration, and uses its progress. */
  readonly adopts?: string;
  readonly ended?: 'done' | 'cancelled';
  /** Milliseconds since 1970. */
  readonly endedAt?: number;
  /** It has ended, and its dead letters are marked for a redrive; a different number each time. */
  readonly revived?: boolean | number;
}

/** The name under which a replay keeps its progress and dead letters, and which its destination sees. */
export const replayName = ({ pipeline, id, adopts }: Pick<Replay, 'pipeline' | 'id' | 'adopts'>): string =>
  adopts ?? `${pipeline}-${id}`;

/** Stretches of the log that are delivered again. */
export interface Replays {
  /** Stores a replay under the next id, unique over all processes. */
  add(replay: Omit<Replay, 'id'>): Promise<Replay>;
  /** Applies a change to the stored replay and gives the result; concurrent changes run one after the other. Undefined if there is none. */
  change(id: string, change: ReplayChange): Promise<Replay | undefined>;
  /** Removes an ended replay. The newest stays, so that no id is used twice. */
  remove(id: string): Promise<void>;
  /** Oldest first. */
  all(): Promise<Replay[]>;
  /** Gives a signal that aborts when any process adds or changes a replay from now on. */
  changed(): AbortSignal;
}
