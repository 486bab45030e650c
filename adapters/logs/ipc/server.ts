import { once } from 'node:events';
import { onAbort } from '../../on-abort.ts';
import { type EventLog, type LogRecord, LogUnavailable, type Verdict } from '../log.ts';
import { methodsOf, type Parts, partNames } from '../methods.ts';
import type { Replays } from '../state/replays.ts';
import type { Store } from '../store.ts';
import { callName, type OwnerCalls, packVerdicts, type UserCalls, unpackRecord } from './calls.ts';
import type { Answers, Wire } from './connection.ts';

/** How often it is looked at whether the log fails: others are told so without having asked. */
const LOOK_MS = 500;

/**
 * Lets another process use a store of this one, through `openRemote`, until it is gone. `onAppended` is called with each record that it
 * has appended, for whoever watches.
 */
export function shareStore(
  { log, state }: Store,
  wire: Wire<UserCalls, OwnerCalls>,
  onAppended: (record: LogRecord, verdicts: readonly Verdict[]) => void = () => {},
): void {
  const failure = failureTeller(log, wire);
  wire.answer({
    ...passedOn({ log, ...state }),
    open: () => {
      // Nothing is told before: nobody would hear it.
      tellReplays(state.replays, wire).catch(afterClose);
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

/** The methods that are passed on, each done by its part of the store. */
function passedOn(parts: Parts): Partial<Answers<OwnerCalls>> {
  const calls = partNames.flatMap((name) => {
    const part = parts[name] as unknown as Record<string, (...args: unknown[]) => unknown>;
    const passed = methodsOf(name).filter(([, { isPassedOn }]) => isPassedOn);
    return passed.map(([method]) => [callName(name, method), (args: unknown[]) => part[method]?.(...args)]);
  });
  return Object.fromEntries(calls) as Partial<Answers<OwnerCalls>>;
}

/** Tells whether the log fails, whenever that has changed since `follow`, which gives what is so then. */
function failureTeller(log: EventLog, wire: Wire<UserCalls, OwnerCalls>) {
  let told: string | undefined;
  const now = (): string | undefined => {
    told = log.failure?.message;
    return told;
  };
  const tell = (): void => {
    if (log.failure?.message !== told) wire.tell('failure', [now()]);
  };
  const follow = (): string | undefined => {
    const look = setInterval(tell, LOOK_MS).unref();
    onAbort(wire.closed, () => clearInterval(look));
    return now();
  };
  return { follow, tell };
}

/** A log that is closed has nothing more to tell. */
function afterClose(error: unknown): void {
  if (!(error instanceof LogUnavailable)) throw error;
}

async function tellReplays(replays: Replays, wire: Wire<UserCalls, OwnerCalls>): Promise<void> {
  while (!wire.closed.aborted) {
    await once(AbortSignal.any([replays.changed(), wire.closed]), 'abort');
    wire.tell('replaySaved', []);
  }
}
