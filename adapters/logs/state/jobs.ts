/** A redrive or discard of many events, and its progress. */
export interface Job {
  readonly id: string;
  readonly of: 'quarantine' | 'dead';
  readonly kind: 'redrive' | 'discard';
  /** Its shop; absent for all shops. */
  readonly shop?: string | undefined;
  readonly selection: Readonly<Record<string, string>>;
  /** interrupted: its process is gone. What it did stays done; the same order again does the rest. */
  readonly state: 'running' | 'done' | 'cancelled' | 'interrupted' | 'failed';
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** When its process last reported that it works on it. */
  readonly seenAt: number;
  /** Number of events checked so far, selected or not. */
  readonly looked: number;
  /** Results for the selected events. */
  readonly counts: Readonly<Record<string, number>>;
  /** Why it failed. */
  readonly reason?: string | undefined;
}

/** Jobs are stored, so that any process can report their progress. */
export interface Jobs {
  /**
   * Stores a job under the next id, unless one about the same events is running: then gives that one. A job last seen before `silentSince`
   * (milliseconds since 1970) counts as interrupted. Only the last 100 ended jobs are kept.
   */
  start(job: Omit<Job, 'id'>, silentSince: number): Promise<{ readonly job: Job; readonly started: boolean }>;
  /** Saves the progress of a job, unless it was cancelled. Gives the stored job. */
  save(job: Job): Promise<Job>;
  /** Newest first. */
  all(): Promise<Job[]>;
}
