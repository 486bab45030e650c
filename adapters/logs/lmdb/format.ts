import { randomBytes } from 'node:crypto';
import type { Database, RootDatabase } from 'lmdb';
import { hasher } from '../id-hash.ts';
import { oldFingerprinter } from '../ids.ts';
import { LogUnusable } from '../log.ts';
import type { Hashing } from './shop.ts';

/** The newest format that this version knows. 2: heads are stored apart from pages, and records have format 2. */
const FORMAT = 2;
const SETTING = 'format';
/** Where format 1 stored the seeds of its fingerprints. */
const OLD_SETTING = 'fingerprints';
/** What is there now. A version that knows only format 1 cannot parse this as JSON, and quotes it in its error. */
const FOR_OLD_VERSIONS = 'newer log, format 2';

interface Form {
  readonly format: number;
  /** Secret to this log; ids are hashed with it. */
  readonly key: string;
  /** Seeds of the fingerprints in records of format 1, if the log was begun in that format. */
  readonly seeds?: readonly [number, number] | undefined;
}

/** The format of a log. */
export interface LmdbForm {
  readonly hashing: Hashing;
  /** Marks the log as having the newest format; versions that do not know it refuse it from then on. Undefined if it has it already. */
  readonly settle?: () => Promise<void>;
}

/** Throws LogUnusable for a format that this version does not know. */
export async function formOf(root: RootDatabase, folder: string): Promise<LmdbForm> {
  const settings = root.openDB<string, string>({ name: 'settings', encoding: 'string' });
  const stored = settings.get(SETTING);
  const form = stored === undefined ? begun(settings) : (JSON.parse(stored) as Form);
  if (form.format > FORMAT)
    throw new LogUnusable(
      `the log in ${folder} has format ${form.format}, and this version knows formats up to ${FORMAT}; run the version that wrote it, or a newer one`,
    );
  const { key, seeds } = form;
  const hashing: Hashing = { hasher: hasher(key), old: seeds && oldFingerprinter(...seeds) };
  if (stored !== undefined) return { hashing };
  const settle = async (): Promise<void> => {
    await root.batch(() => {
      void settings.put(SETTING, JSON.stringify(form));
      void settings.put(OLD_SETTING, FOR_OLD_VERSIONS);
    });
  };
  return { hashing, settle };
}

function begun(settings: Database<string, string>): Form {
  const old = settings.get(OLD_SETTING);
  const { seeds } = old === undefined ? {} : (JSON.parse(old) as { seeds: [number, number] });
  return { format: FORMAT, key: randomBytes(16).toString('hex'), seeds };
}
