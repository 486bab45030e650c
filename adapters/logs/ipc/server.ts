import { once } from 'node:events';
import { onAbort } from '../../on-abort.ts';
import { type EventLog, type LogRecord, LogUnavailable, type Verdict } from '../log.ts';
import { methodsOf, type Parts, partNames } from '../methods.ts';
import type { Replays } from '../state/replays.ts';
import type { Store } from '../store.ts';
import { callName, type OwnerCalls, packVerdicts, type UserCalls, unpackRecord } from './calls.ts';
import type { Answers, IpcConnection } from './connection.ts';

/** How often the log is checked for a failure, of which the other process is notified. */
const LOOK_MS = 500;

/**
 * Lets another process use a store of this one, through `connectStore`, until that process is gone. `onAppended` is called with each
 * record that it has appended.
 */
export function serveStore(
  { log, state }: Store,
  connection: IpcConnection<UserCalls, OwnerCalls>,
  onAppended: (record: LogRecord, verdicts: readonly Verdict[]) => void = () => {},
): void {
  const failure = failureTeller(log, connection);
  connection.serve({
    ...passedOn({ log, ...state }),
    open: () => {
      // Not earlier: the other process would not receive it.
      tellReplays(state.replays, connection).catch(afterClose);
      return { durability: log.durability, failure: failure.follow() };
    },
    append: async ([packed]) => {
      const record = unpackRecord(packed);
      try {
        const verdicts = await log.append(record);
        onAppended(record, verdicts);
        return packVerdicts(verdicts);
      } finally {
        failure.tell();
      }
    },
    read: ([shop, after, limit], signal) => log.read(shop, after, limit, signal),
  });
}

/** The forwarded methods, each handled by its part of the store. */
function passedOn(parts: Parts): Partial<Answers<OwnerCalls>> {
  const calls = partNames.flatMap((name) => {
    const part = parts[name] as unknown as Record<string, (...args: unknown[]) => unknown>;
    const passed = methodsOf(name).filter(([, { isPassedOn }]) => isPassedOn);
    return passed.map(([method]) => [callName(name, method), (args: unknown[]) => part[method]?.(...args)]);
  });
  return Object.fromEntries(calls) as Partial<Answers<OwnerCalls>>;
}

/** Notifies of failures of the log. `follow` returns the current state, and changes are sent from then on. */
function failureTeller(log: EventLog, connection: IpcConnection<UserCalls, OwnerCalls>) {
  let told: string | undefined;
  const now = (): string | undefined => {
    told = log.failure?.message;
    return told;
  };
  const tell = (): void => {
    if (log.failure?.message !== told) connection.notify('failure', [now()]);
  };
  const follow = (): string | undefined => {
    const look = setInterval(tell, LOOK_MS).unref();
    onAbort(connection.closed, () => clearInterval(look));
    return now();
  };
  return { follow, tell };
}

/** A closed log sends nothing more. */
function afterClose(error: unknown): void {
  if (!(error instanceof LogUnavailable)) throw error;
}

async function tellReplays(replays: Replays, connection: IpcConnection<UserCalls, OwnerCalls>): Promise<void> {
  while (!connection.closed.aborted) {
    await once(AbortSignal.any([replays.changed(), connection.closed]), 'abort');
    connection.notify('replaySaved', []);
  }
}
