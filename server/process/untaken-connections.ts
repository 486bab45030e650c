import type { ChildProcess } from 'node:child_process';

/** The messages by which Node's cluster hands a connection to a process, and by which that confirms it. */
interface HandOver {
  readonly act?: string;
  readonly seq?: number;
  readonly ack?: number;
}

/**
 * Closes connections that were handed to a process which ended before it took them. Node forgets these, and their clients would wait for ever.
 * It follows the messages between the cluster and the process.
 */
export function closeUntaken(child: ChildProcess): void {
  const untaken = new Map<number, { close?(): void }>();
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  child.send = (...args: unknown[]): boolean => {
    const [{ act, seq }, connection] = args as [HandOver, object | undefined];
    if (act === 'newconn' && seq !== undefined && connection) untaken.set(seq, connection);
    return send(...args);
  };
  child.on('internalMessage', ({ ack }: HandOver) => {
    if (ack !== undefined) untaken.delete(ack);
  });
  child.once('exit', () => {
    for (const connection of untaken.values()) connection.close?.();
  });
}
