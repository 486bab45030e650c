/** An order about much of what is kept, and how far it has come. */
export interface Job {
  readonly id: string;
  readonly of: 'quarantine' | 'dead';
  readonly kind: 'redrive' | 'discard';
  /** Its shop; absent: all shops. */
  readonly shop?: string | undefined;
  readonly selection: Readonly<Record<string, string>>;
  /** Interrupted: the process that worked on it is gone. What it had done is done; the same order again does the rest. */
  readonly state: 'running' | 'done' | 'cancelled' | 'interrupted' | 'failed';
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** When its process last said that it works on it. */
  readonly seenAt: number;
  /** How many it has looked at so far, whether they were selected or not. */
  readonly looked: number;
  /** What became of those that were selected. */
  readonly counts: Readonly<Record<string, number>>;
  /** Why it failed. */
  readonly reason?: string | undefined;
}

/** Orders about much of what is kept: written down, so that any process can tell how far they are. */
export interface Jobs {
  /**
   * Writes a job down under the next id, unless one about the same is running: then gives that one. A job that was last seen before
   * `silentSince` (milliseconds since 1970) is taken as interrupted. Ended jobs past the last 100 are forgotten.
   */
  start(job: Omit<Job, 'id'>, silentSince: number): Promise<{ readonly job: Job; readonly started: boolean }>;
  /** Writes down how far a job has come; one that was cancelled stays so. Gives it as it is kept now. */
  save(job: Job): Promise<Job>;
  /** From the newest. */
  all(): Promise<Job[]>;
}
