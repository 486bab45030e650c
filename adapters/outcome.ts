/** What happened to one event of a batch. */
export type Outcome =
  | { readonly kind: 'delivered'; readonly status?: string }
  /**
   * It may pass: network, timeout, HTTP 408, 425, 429, 5xx. `afterMs`: what the destination asked to wait (Retry-After).
   * `answered`: it said no, and so has surely not taken the events; otherwise nobody knows. A batch refused as a whole for
   * its content is this too: it is split until one event is refused alone.
   */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number; readonly answered?: boolean }
  /** It never will. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** The destination wants nothing more at all (HTTP 410 Gone). */
  | { readonly kind: 'gone'; readonly reason: string };
