import { createServer } from 'node:http';
import { ended, firstMessage, startScript } from '../children.ts';
import { listening } from '../listen.ts';

/** A webhook that takes everything, as a process of its own. */
export async function openReceiver(port: number): Promise<{ close(): Promise<void> }> {
  const child = startScript(import.meta.filename, { port });
  await firstMessage(child);
  return { close: async () => void (await ended(child, 'SIGKILL')) };
}

if (process.argv[1] === import.meta.filename) {
  const { port } = JSON.parse(process.argv[2] ?? '{}') as { port: number };
  const server = createServer((request, response) => {
    request.resume().once('end', () => response.end());
  });
  await listening(server, port);
  process.send?.('listening');
}
