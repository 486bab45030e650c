import type { ChildProcess } from 'node:child_process';

/** The messages with which Node's cluster hands a connection to a process, and with which that confirms it. */
interface HandOver {
  readonly act?: string;
  readonly seq?: number;
  readonly ack?: number;
}

/**
 * Closes connections that were handed to a process which ends before it takes them. Node forgets these: they would stay open, and their
 * clients would wait for ever. It follows the messages between Node's cluster and the process.
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
