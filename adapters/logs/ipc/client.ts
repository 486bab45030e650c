import { endedByClose } from '../closing.ts';
import { Bell } from '../holders.ts';
import { type EventLog, LogUnavailable } from '../log.ts';
import type { Store } from '../store.ts';
import { type OwnerCalls, PASSED_ON, type PassedOn, packRecord, type UserCalls, unpackVerdicts } from './calls.ts';
import type { Wire } from './connection.ts';

/** Bodies on their way to the owner, in bytes, past which it is taken to be unable to keep up. */
const WAITING_BYTES = 32 * 1024 * 1024;

/**
 * The store of another process, which owns it and answers through `shareStore`. Everything but moving pipelines (`claim`) and trimming:
 * those are the owner's business, and throw here. What the owner was asked for it does, also where this process ends meanwhile.
 */
export async function openRemote(wire: Wire<OwnerCalls, UserCalls>): Promise<Store> {
  const replays = new Bell<'replays'>();
  let failure: Error | undefined;
  const fail = (reason: string | undefined): void => {
    failure = reason === undefined ? undefined : new Error(reason);
  };
  wire.answer({
    failure: ([reason]) => fail(reason),
    replaySaved: () => replays.ring('replays'),
  });
  const opened = await wire.ask('open', []);
  fail(opened.failure);
  const passedOn = passing(wire);
  const { append, close } = appender(wire);
  const log: EventLog = {
    ...passedOn,
    durability: opened.durability,
    get failure() {
      return wire.closed.aborted ? new Error('the process that owns the log is gone') : failure;
    },
    append,
    read: (shop, after, limit, signal) => wire.ask('read', [shop, after, limit], signal),
    trim: () => Promise.reject(new Error('only the process that owns the log trims it')),
    close,
  };
  const state = {
    ...passedOn,
    claim: () => Promise.reject(new Error('only the process that owns the log moves pipelines')),
    replaysChanged: () => replays.next('replays'),
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

function passing(wire: Wire<OwnerCalls, UserCalls>): PassedOn {
  const names = Object.keys(PASSED_ON) as (keyof PassedOn)[];
  return Object.fromEntries(
    names.map((name) => [name, (...args: never) => wire.ask(name, args)]),
  ) as unknown as PassedOn;
}
