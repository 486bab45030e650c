import { endedByClose } from '../closing.ts';
import { type EventLog, LogUnavailable } from '../log.ts';
import { methodsOf, type PartName, type Parts } from '../methods.ts';
import { Notifier } from '../notifier.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../store.ts';
import { callName, type OwnerCalls, packRecord, type UserCalls, unpackVerdicts } from './calls.ts';
import type { IpcConnection } from './connection.ts';

/** Above this many bytes of bodies in transit the owner cannot keep up, and further appends are refused. */
const WAITING_BYTES = 32 * 1024 * 1024;

/**
 * The store of another process, which owns it and answers through `serveStore`. Only the owner may move pipelines (`claim`) and trim; both throw
 * here. The owner finishes each call even if this process ends meanwhile.
 */
export async function connectStore(connection: IpcConnection<OwnerCalls, UserCalls>): Promise<Store> {
  const replays = new Notifier<'replays'>();
  let failure: Error | undefined;
  const fail = (reason: string | undefined): void => {
    failure = reason === undefined ? undefined : new Error(reason);
  };
  connection.serve({
    failure: ([reason]) => fail(reason),
    replaySaved: () => replays.notify('replays'),
  });
  const opened = await connection.call('open', []);
  fail(opened.failure);
  const { append, close } = appender(connection);
  const log: EventLog = {
    ...passedOn('log', connection),
    durability: opened.durability,
    get failure() {
      return connection.closed.aborted ? new Error('the process that owns the log is gone') : failure;
    },
    append,
    read: (shop, after, limit, signal) => connection.call('read', [shop, after, limit], signal),
    trim: () => Promise.reject(new Error('only the process that owns the log trims it')),
    close,
  };
  const state: State = {
    cursors: {
      ...passedOn('cursors', connection),
      claim: () => Promise.reject(new Error('only the process that owns the log moves pipelines')),
    },
    journal: passedOn('journal', connection),
    deadLetters: passedOn('deadLetters', connection),
    quarantine: passedOn('quarantine', connection),
    replays: { ...passedOn('replays', connection), changed: () => replays.nextSignal('replays') },
    jobs: passedOn('jobs', connection),
  };
  return endedByClose({ log, state, close });
}

function appender(connection: IpcConnection<OwnerCalls, UserCalls>): Pick<EventLog, 'append' | 'close'> {
  const waiting = new Set<Promise<unknown>>();
  let waitingBytes = 0;
  let closed = false;
  return {
    append: async (record, onJoined = () => {}) => {
      if (closed) throw new LogUnavailable('the log is closed');
      if (waitingBytes > WAITING_BYTES) throw new LogUnavailable('the process that owns the log cannot keep up');
      waitingBytes += record.body.length;
      // The owner distinguishes waiting for a turn from waiting for the disk.
      onJoined();
      const answered = connection.call('append', [packRecord(record)]);
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

/** The methods of a part that are forwarded to the owner. */
function passedOn<P extends PartName>(part: P, connection: IpcConnection<OwnerCalls, UserCalls>): Parts[P] {
  const passed = methodsOf(part).filter(([, { isPassedOn }]) => isPassedOn);
  return Object.fromEntries(
    passed.map(([name]) => [name, (...args: unknown[]) => connection.call(callName(part, name), args)]),
  ) as unknown as Parts[P];
}
