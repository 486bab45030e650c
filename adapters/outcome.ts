/** What happened to one event of a batch. */
export type Outcome =
  | { readonly kind: 'delivered'; readonly status?: string }
  /**
   * It may pass: network, timeout, HTTP 408, 425, 429, 5xx. `afterMs`: the wait that the destination asked for (Retry-After). `answered`: it
   * refused, so it has surely not taken the events; otherwise that is unknown. A batch that is refused as a whole for its content is also this:
   * it is split until one event is refused alone.
   */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number; readonly answered?: boolean }
  /** It will never take the event. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** The destination wants nothing more at all (HTTP 410 Gone). */
  | { readonly kind: 'gone'; readonly reason: string };
