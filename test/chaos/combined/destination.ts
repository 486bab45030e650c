import { createServer } from 'node:http';
import { openDeaf } from '../deaf.ts';
import { closed, listening } from '../listen.ts';
import { pause } from '../random.ts';
import { openSink, type SinkOptions } from '../sink.ts';

/** A destination that is well, but for the times when it is told to be otherwise. */
export interface Destination {
  refuses(ms: number): Promise<void>;
  /** Connections are taken and nothing is answered. */
  hangs(ms: number): Promise<void>;
  resets(ms: number): Promise<void>;
  fails(ms: number): Promise<void>;
  close(): Promise<void>;
}

export async function openDestination(options: SinkOptions): Promise<Destination> {
  let sink = await openSink(options);
  /** Something else in its place. What it had in hand is broken off. */
  const replaced = async (open: () => Promise<{ close(): Promise<void> }>, ms: number) => {
    await sink.close();
    const other = await open();
    await pause(ms);
    await other.close();
    sink = await openSink(options);
  };
  return {
    refuses: (ms) => replaced(async () => ({ close: async () => {} }), ms),
    hangs: (ms) => replaced(() => answering(options.port, undefined), ms),
    resets: (ms) => replaced(() => openDeaf(options.port), ms),
    fails: (ms) => replaced(() => answering(options.port, 500), ms),
    close: () => sink.close(),
  };
}

/** Answers so, or never. */
async function answering(port: number, status: number | undefined): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (status !== undefined) request.resume().once('end', () => response.writeHead(status).end('not now'));
  });
  await listening(server, port);
  return { close: () => closed(server) };
}
