import type { Event } from './event.ts';

/** What happened just now, for those who look on. Times are ISO 8601 in UTC. */
export type TailLine =
  | { readonly kind: 'accepted' | 'duplicate'; readonly at: string; readonly shop: string; readonly event: Event }
  | {
      /** An event, or a request as a whole; that has a `status`. */
      readonly kind: 'refused';
      readonly at: string;
      readonly shop?: string;
      readonly dialect?: string;
      readonly name?: string;
      readonly event_id?: string;
      readonly status?: number;
      readonly origin?: string;
      /** Of requests: how many were refused before this one without a line, since there were too many. */
      readonly left_out?: number;
      readonly code: string;
      readonly reasons: readonly string[];
    }
  | {
      readonly kind: 'delivered' | 'dead' | 'retried';
      readonly at: string;
      readonly shop: string;
      readonly pipeline: string;
      readonly event_id: string;
      readonly type: string;
      /** As the client named it. */
      readonly name: string;
      readonly status: string;
    }
  /** What this tail cannot show. */
  | { readonly kind: 'note'; readonly text: string }
  /** The reader was too slow: so many lines were left out. */
  | { readonly kind: 'missed'; readonly lines: number };
