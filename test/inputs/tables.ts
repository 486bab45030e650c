import { backends } from './backends.ts';
import { clients } from './clients.ts';
import { consent } from './consent.ts';
import { cors } from './cors.ts';
import { empties } from './empties.ts';
import { encodings } from './encodings.ts';
import { payloads } from './payloads.ts';
import { refusals } from './refusals.ts';
import type { Row } from './row.ts';
import { sockets } from './sockets.ts';
import { tokens } from './tokens.ts';

/** All rows, by what they are about. */
export const tables: Readonly<Record<string, readonly Row[]>> = {
  consent,
  'empty values': empties,
  clients,
  'back ends': backends,
  payloads,
  refusals,
  tokens,
  encodings,
  'other origins': cors,
  'raw bytes': sockets,
};
