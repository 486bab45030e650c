import type { Position } from '../log.ts';
import type { ReplayChange } from '../replay-change.ts';
import type { PipelineId } from './shared.ts';

/** A stretch of the log that a pipeline delivers again. Its own progress is kept under its id, as a pipeline's. */
export interface Replay extends PipelineId {
  readonly id: string;
  /** After this position, up to that one. */
  readonly after: Position;
  readonly to: Position;
  readonly types?: readonly string[] | undefined;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** It delivers what this pipeline owes, which left the configuration, and keeps that one's progress. */
  readonly adopts?: string;
  readonly ended?: 'done' | 'cancelled';
  /** Milliseconds since 1970. */
  readonly endedAt?: number;
  /** It has ended, and its dead letters are to be tried once more; another number each time. */
  readonly revived?: boolean | number;
}

/** Under which name a replay keeps its progress and dead letters, and names itself to its destination. */
export const replayName = ({ pipeline, id, adopts }: Pick<Replay, 'pipeline' | 'id' | 'adopts'>): string =>
  adopts ?? `${pipeline}-${id}`;

/** Stretches of the log that are delivered again. */
export interface Replays {
  /** Writes a replay down under the next id, which no other has, in any process. */
  add(replay: Omit<Replay, 'id'>): Promise<Replay>;
  /** Changes a replay as it is kept now, and gives what it is then: of two changes at once one comes after the other. Undefined where there is none. */
  change(id: string, change: ReplayChange): Promise<Replay | undefined>;
  /** Lets go of an ended replay. The newest stays, so that no id is used twice. */
  remove(id: string): Promise<void>;
  /** From the oldest. */
  all(): Promise<Replay[]>;
  /** Gives a signal that aborts when a replay is added or changed, in this process or another, from now on. */
  changed(): AbortSignal;
}
