import { once } from 'node:events';
import { onAbort } from '../../on-abort.ts';
import { type EventLog, type LogRecord, LogUnavailable, type Verdict } from '../log.ts';
import type { State } from '../state.ts';
import type { Store } from '../store.ts';
import { type OwnerCalls, PASSED_ON, type PassedOn, packVerdicts, type UserCalls, unpackRecord } from './calls.ts';
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
    ...passedOn(log, state),
    open: () => {
      // Nothing is told before: nobody would hear it.
      tellReplays(state, wire).catch(afterClose);
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

function passedOn(log: EventLog, state: State): Partial<Answers<PassedOn>> {
  const owners = { log, state } as unknown as Record<string, Record<string, (...args: unknown[]) => unknown>>;
  return Object.fromEntries(
    Object.entries(PASSED_ON).map(([name, owner]) => [name, (args: unknown[]) => owners[owner]?.[name]?.(...args)]),
  ) as Partial<Answers<PassedOn>>;
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

async function tellReplays(state: State, wire: Wire<UserCalls, OwnerCalls>): Promise<void> {
  while (!wire.closed.aborted) {
    await once(AbortSignal.any([state.replaysChanged(), wire.closed]), 'abort');
    wire.tell('replaySaved', []);
  }
}
