import type { ChildProcess, Serializable } from 'node:child_process';
import type { Channel } from '../../adapters/logs/ipc/connection.ts';

/** Node's channel to a process that this one has started, or the one that has started this one. */
export function channelTo(peer: ChildProcess | NodeJS.Process): Channel {
  const on = (event: string, listener: (message: unknown) => void): void =>
    void (peer as ChildProcess).on(event, listener);
  return {
    // What cannot be sent was for somebody who is gone, and that is told by `disconnect`.
    send: (message) => void (peer as ChildProcess).send(message as Serializable, undefined, undefined, () => {}),
    onMessage: (listener) => on('message', listener),
    onClosed: (listener) => on('disconnect', listener),
  };
}
