import { clients } from './clients.ts';
import { cors } from './cors.ts';
import { encodings } from './encodings.ts';
import { payloads } from './payloads.ts';
import { refusals } from './refusals.ts';
import type { Row } from './row.ts';
import { sockets } from './sockets.ts';

/** All rows, by what they are about. */
export const tables: Readonly<Record<string, readonly Row[]>> = {
  clients,
  payloads,
  refusals,
  encodings,
  'other origins': cors,
  'raw bytes': sockets,
};
