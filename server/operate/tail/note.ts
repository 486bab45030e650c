import { LogUnavailable } from '../../../adapters/logs/log.ts';
import type { Cursors } from '../../../adapters/logs/state/cursors.ts';
import type { TailLine } from '../../../schemas/admin-api/tail.ts';

interface Here {
  readonly store: { readonly state: { readonly cursors: Pick<Cursors, 'others'> } };
  /** Whether this process delivers. */
  readonly deliversEvents: boolean;
}

/** A note on what the tail of this process cannot show; undefined if it shows everything. */
export async function noteOf({ store, deliversEvents }: Here): Promise<string | undefined> {
  const others = await store.state.cursors.others().catch((error: unknown) => {
    if (error instanceof LogUnavailable) return undefined;
    throw error;
  });
  if (others === undefined) return 'not shown: what other processes do; the log cannot be asked whether there are any';
  const { takers, movers } = others;
  const hidden = [
    ...(movers > 0 ? [`what ${otherProcesses(movers, 'delivers', 'deliver')}`] : []),
    ...(takers > 0 ? [`what ${otherProcesses(takers, 'takes in', 'take in')}`] : []),
  ];
  const idle =
    deliversEvents || movers > 0 ? [] : ['no process delivers anything: start one with PROCESS=worker or all'];
  const what = hidden.length > 0 ? [`not shown: ${hidden.join(', and ')}; receipts say what became of an event`] : [];
  return what.length + idle.length === 0 ? undefined : [...what, ...idle].join('; ');
}

const otherProcesses = (count: number, does: string, doTogether: string): string =>
  count === 1 ? `another process ${does}` : `${count} other processes ${doTogether}`;

/** The lines, after the note if there is one. Lines that arrive meanwhile are not lost. */
export async function* withNote(
  lines: AsyncIterable<TailLine>,
  note: () => Promise<string | undefined>,
): AsyncGenerator<TailLine> {
  const text = await note();
  if (text !== undefined) yield { kind: 'note', text };
  yield* lines;
}
