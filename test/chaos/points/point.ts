import type { Change } from '../build-copy.ts';

/** A place in the gateway's code where it can be made to kill itself. */
export interface Point {
  readonly name: string;
  readonly change: Change;
  /** It is passed once in a while rather than all the time, so the gateway dies the first time. */
  readonly seldom?: boolean;
  /** What an operator must ask for, so that the place is reached. */
  readonly needs?: Need;
  /** The run around it, since it cannot be reached under plain load. */
  readonly stage: 'load' | 'operator' | 'trim' | 'restore';
}

export type Need = 'redrive' | 'replay';

type Options = Pick<Point, 'stage'> & Partial<Pick<Point, 'seldom' | 'needs'>> & { readonly only?: string };

const call = (name: string, only: string | undefined, more = ''): string =>
  `${only === undefined ? '' : `if (${only}) `}globalThis.pointMet('${name}'${more});`;

/** Right before a piece of code; `only` is the code of a condition. */
export const before = (name: string, file: string, piece: string, { only, ...rest }: Options): Point => ({
  name,
  ...rest,
  change: { file, piece, by: `{ ${call(name, only)} }\n${piece}` },
});

/** Right after it. */
export const after = (name: string, file: string, piece: string, { only, ...rest }: Options): Point => ({
  name,
  ...rest,
  change: { file, piece, by: `${piece}\n{ ${call(name, only)} }` },
});

/** A moment after it has begun, while threads or a database work on it. */
export const during = (name: string, file: string, piece: string, { only, ...rest }: Options): Point => ({
  name,
  ...rest,
  change: { file, piece, by: `{ ${call(name, only, ', true')} }\n${piece}` },
});

/** Makes a build kill itself as DIE_AT says: at which point, at which pass, and for `during` after how many milliseconds. */
export const deadly: readonly Change[] = [
  {
    file: 'server/main.js',
    piece: "process.env.TZ = 'UTC';",
    by: `process.env.TZ = 'UTC';
const [dieAt, pass, afterMs] = (process.env.DIE_AT ?? '').split(':');
let passes = 0;
globalThis.pointMet = (name, later = false) => {
    if (name !== dieAt || ++passes !== Number(pass)) return;
    const die = () => {
        process.getBuiltinModule('node:fs').writeFileSync(process.env.DIED_AT, name);
        process.kill(process.pid, 'SIGKILL');
    };
    if (later) setTimeout(die, Number(afterMs));
    else die();
};`,
  },
  // Upkeep several times a second instead of once a minute; and whatever is delivered is old.
  {
    file: 'server/operate/upkeep.js',
    piece: 'const EVERY_MS = 60_000;',
    by: 'const EVERY_MS = process.env.TRIM ? 200 : 60_000;',
  },
  {
    file: 'server/operate/upkeep.js',
    piece: 'const DAY_MS = 24 * 3_600_000;',
    by: "const DAY_MS = (process.env.TRIM === 'all' ? -1 : 1) * 24 * 3_600_000;",
  },
  // What a killed process held is taken up again soon.
  { file: 'adapters/logs/postgres/leases.js', piece: 'const BEAT_MS = 2000;', by: 'const BEAT_MS = 500;' },
  {
    file: 'adapters/logs/postgres/lease-statements.js',
    piece: 'export const LEASE_MS = 6000;',
    by: 'export const LEASE_MS = 2000;',
  },
];
