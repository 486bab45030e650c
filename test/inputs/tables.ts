import { addresses } from './addresses.ts';
import { backends } from './backends.ts';
import { carts } from './carts.ts';
import { clients } from './clients.ts';
import { consent } from './consent.ts';
import { cors } from './cors.ts';
import { empties } from './empties.ts';
import { encodings } from './encodings.ts';
import { ids } from './ids.ts';
import { numbers } from './numbers.ts';
import { optional } from './optional.ts';
import { payloads } from './payloads.ts';
import { refusals } from './refusals.ts';
import type { Row } from './row.ts';
import { sockets } from './sockets.ts';
import { times } from './times.ts';
import { tokens } from './tokens.ts';

/** All rows, by what they are about. */
export const tables: Readonly<Record<string, readonly Row[]>> = {
  ids,
  times,
  consent,
  'empty values': empties,
  'optional fields': optional,
  numbers,
  carts,
  clients,
  'back ends': backends,
  payloads,
  refusals,
  addresses,
  tokens,
  encodings,
  'other origins': cors,
  'raw bytes': sockets,
};
