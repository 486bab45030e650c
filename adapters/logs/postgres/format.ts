import { type Hasher, hasher } from '../id-hash.ts';
import type { RecordFormat } from '../record.ts';
import type { Ask } from './database.ts';
import { SCHEMA } from './schema.ts';

/** In which form this process reads and writes pages, as it says of itself. */
export const FORMAT = 2;

/** What is so for the whole log in a database. */
export interface PostgresForm {
  readonly hasher: Hasher;
  /** In which form pages are written: 1 as long as a process is here that knows no other. */
  readonly format: () => RecordFormat;
  /** Has format 2 used from now on where no process is here that does not know it. To be called now and then; never rejects. */
  readonly follow: () => Promise<void>;
}

/** Only where this process is counted already: otherwise its own start would not count. */
export async function formOf(ask: Ask): Promise<PostgresForm> {
  const [row] = await ask(`select value from ${SCHEMA}.settings where name = 'key'`);
  let format: RecordFormat = 1;
  let following: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    const [found] = await ask(`select used from ${SCHEMA}.use_format_2()`).catch(() => []);
    if (found?.used) format = FORMAT;
    following = undefined;
  };
  const follow = async (): Promise<void> => {
    if (format === FORMAT) return;
    following ??= look();
    await following;
  };
  await follow();
  return { hasher: hasher(String(row?.value ?? '')), format: () => format, follow };
}
