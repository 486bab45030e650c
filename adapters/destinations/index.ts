import type { Destination } from './destination.ts';
import { file } from './file/file.ts';
import { webhook } from './webhook/webhook.ts';

/** Every kind of place events can go. To add one, see adapters/README.md. */
export const destinations: readonly Destination[] = [file, webhook];

/** The destination of this type; undefined if there is none. */
export const destination = (type: string): Destination | undefined =>
  destinations.find((candidate) => candidate.type === type);
