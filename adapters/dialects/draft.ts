import type { Draft } from './dialect.ts';
import type { EventId } from './event-id.ts';
import type { Kind } from './kind.ts';

/** What the log needs of an event. `order`: of a purchase, where it states one. Drafts wait for their commit by the thousand, so most have the smallest shape. */
export const draftOf = (index: number, { id, derived }: EventId, kind: Kind, order?: string): Draft =>
  derived === 0 && order === undefined
    ? { index, id, kind }
    : { index, id, kind, ...(derived > 0 && { derived }), ...(order !== undefined && { order }) };
