import type { EventLog } from './log.ts';
import type { State } from './state/state.ts';

/** A log and the parts of its state, by name: all that a store can be asked. */
export interface Parts extends State {
  readonly log: EventLog;
}

export type PartName = keyof Parts;

// biome-ignore lint/suspicious/noExplicitAny: a method's arguments are its own.
type MethodsOf<T> = { [K in keyof T as T[K] extends (...args: any[]) => unknown ? K : never]: T[K] };

/** Properties of a method that hold for every kind of log. */
export interface Method {
  /** Processes that do not own the store forward it to the owner. Other methods need special handling, or are for the owner only. */
  readonly isPassedOn: boolean;
  /** It may wait for ever, so `close` rejects it. For other methods `close` waits. */
  readonly mayWait: boolean;
}

const PASSED: Method = { isPassedOn: true, mayWait: false };
const PASSED_WAITING: Method = { isPassedOn: true, mayWait: true };
const OWN: Method = { isPassedOn: false, mayWait: false };
const OWN_WAITING: Method = { isPassedOn: false, mayWait: true };

/** Every method of a store. The types ensure that none is missing. */
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
