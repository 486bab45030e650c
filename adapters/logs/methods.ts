import type { EventLog } from './log.ts';
import type { State } from './state/state.ts';

/** A log and what stands beside it, by name: everything that can be asked of a store. */
export interface Parts extends State {
  readonly log: EventLog;
}

export type PartName = keyof Parts;

// biome-ignore lint/suspicious/noExplicitAny: a method's arguments are its own.
type MethodsOf<T> = { [K in keyof T as T[K] extends (...args: any[]) => unknown ? K : never]: T[K] };

/** What holds for a method, whatever keeps the log. */
export interface Method {
  /** A process that does not own the store has the owner do it. All others are asked in a way of their own, or are the owner's business. */
  readonly isPassedOn: boolean;
  /** It may wait without end, so closing rejects it. Closing waits for all others. */
  readonly mayWait: boolean;
}

const PASSED: Method = { isPassedOn: true, mayWait: false };
const PASSED_WAITING: Method = { isPassedOn: true, mayWait: true };
const OWN: Method = { isPassedOn: false, mayWait: false };
const OWN_WAITING: Method = { isPassedOn: false, mayWait: true };

/** Every method of a store. Types see to it that none is missing. */
export const METHODS: { readonly [P in PartName]: { readonly [M in keyof MethodsOf<Parts[P]>]: Method } } = {
  log: {
    append: OWN,
    read: OWN_WAITING,
    find: PASSED,
    extent: PASSED,
    shops: PASSED,
    heads: PASSED,
    rests: PASSED,
    before: PASSED,
    tally: PASSED,
    tallies: PASSED,
    trim: OWN,
    close: OWN,
  },
  cursors: {
    others: PASSED,
    begin: PASSED,
    beginAll: PASSED,
    claim: OWN_WAITING,
    progress: PASSED,
    standing: PASSED,
    standings: PASSED,
    everyStanding: PASSED,
    settle: PASSED,
    settleAll: PASSED,
    forget: PASSED,
    suspend: PASSED_WAITING,
    resume: PASSED_WAITING,
  },
  journal: { lineAt: PASSED, ruleAt: PASSED, saveRule: PASSED },
  deadLetters: {
    open: PASSED,
    at: PASSED,
    undelivered: PASSED,
    redrive: PASSED,
    marked: PASSED,
    discard: PASSED_WAITING,
    limit: PASSED,
    letGo: PASSED,
  },
  quarantine: {
    page: PASSED,
    heads: PASSED,
    at: PASSED,
    about: PASSED,
    sums: PASSED,
    discard: PASSED,
    limit: PASSED,
  },
  replays: { add: PASSED, change: PASSED, remove: PASSED, all: PASSED, changed: OWN },
  jobs: { start: PASSED, save: PASSED, all: PASSED },
};

/** The methods of a part, by name. */
export const methodsOf = (part: PartName): [name: string, method: Method][] => Object.entries(METHODS[part]);
export const partNames = Object.keys(METHODS) as PartName[];
