import { type Hasher, hasher } from '../id-hash.ts';
import type { RecordFormat } from '../record.ts';
import type { Ask } from './database.ts';
import { SCHEMA } from './schema.ts';

/** The page format that this process announces. */
export const FORMAT = 2;

/** The format of the whole log in a database. */
export interface PostgresForm {
  readonly hasher: Hasher;
  /** The format for new pages: 1 while a process is connected that knows no other. */
  readonly format: () => RecordFormat;
  /** Switches to format 2 once every connected process knows it. Call it regularly; never rejects. */
  readonly follow: () => Promise<void>;
}

/** Call it after this process has been counted: otherwise its own start would not count. */
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
