import { endedByClose } from '../closing.ts';
import { type EventLog, LogUnavailable } from '../log.ts';
import { methodsOf, type PartName, type Parts } from '../methods.ts';
import { Notifier } from '../notifier.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../store.ts';
import { callName, type OwnerCalls, packRecord, type UserCalls, unpackVerdicts } from './calls.ts';
import type { Wire } from './connection.ts';

/** Bodies on their way to the owner, in bytes, past which it is taken to be unable to keep up. */
const WAITING_BYTES = 32 * 1024 * 1024;

/**
 * The store of another process, which owns it and answers through `shareStore`. Everything but moving pipelines (`claim`) and trimming:
 * those are the owner's business, and throw here. What the owner was asked for it does, also where this process ends meanwhile.
 */
export async function openRemote(wire: Wire<OwnerCalls, UserCalls>): Promise<Store> {
  const replays = new Notifier<'replays'>();
  let failure: Error | undefined;
  const fail = (reason: string | undefined): void => {
    failure = reason === undefined ? undefined : new Error(reason);
  };
  wire.answer({
    failure: ([reason]) => fail(reason),
    replaySaved: () => replays.notify('replays'),
  });
  const opened = await wire.ask('open', []);
  fail(opened.failure);
  const { append, close } = appender(wire);
  const log: EventLog = {
    ...passedOn('log', wire),
    durability: opened.durability,
    get failure() {
      return wire.closed.aborted ? new Error('the process that owns the log is gone') : failure;
    },
    append,
    read: (shop, after, limit, signal) => wire.ask('read', [shop, after, limit], signal),
    trim: () => Promise.reject(new Error('only the process that owns the log trims it')),
    close,
  };
  const state: State = {
    cursors: {
      ...passedOn('cursors', wire),
      claim: () => Promise.reject(new Error('only the process that owns the log moves pipelines')),
    },
    journal: passedOn('journal', wire),
    deadLetters: passedOn('deadLetters', wire),
    quarantine: passedOn('quarantine', wire),
    replays: { ...passedOn('replays', wire), changed: () => replays.nextSignal('replays') },
    jobs: passedOn('jobs', wire),
  };
  return endedByClose({ log, state, close });
}

function appender(wire: Wire<OwnerCalls, UserCalls>): Pick<EventLog, 'append' | 'close'> {
  const waiting = new Set<Promise<unknown>>();
  let waitingBytes = 0;
  let closed = false;
  return {
    append: async (record, onJoined = () => {}) => {
      if (closed) throw new LogUnavailable('the log is closed');
      if (waitingBytes > WAITING_BYTES) throw new LogUnavailable('the process that owns the log cannot keep up');
      waitingBytes += record.body.length;
      // The owner tells turns and disk apart.
      onJoined();
      const answered = wire.ask('append', [packRecord(record)]);
      waiting.add(answered);
      try {
        return unpackVerdicts(await answered);
      } finally {
        waiting.delete(answered);
        waitingBytes -= record.body.length;
      }
    },
    close: async () => {
      closed = true;
      await Promise.allSettled(waiting);
    },
  };
}

/** The methods of a part that the owner is asked to do. */
function passedOn<P extends PartName>(part: P, wire: Wire<OwnerCalls, UserCalls>): Parts[P] {
  const passed = methodsOf(part).filter(([, { isPassedOn }]) => isPassedOn);
  return Object.fromEntries(
    passed.map(([name]) => [name, (...args: unknown[]) => wire.ask(callName(part, name), args)]),
  ) as unknown as Parts[P];
}
