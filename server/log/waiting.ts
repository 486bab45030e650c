import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Settings } from '../../schemas/settings.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { listen } from '../http/listening.ts';
import { type Disk, detailOf } from './disk.ts';

const LOOK_MS = 200;
const RETRY_SECONDS = 5;
const LINGER_MS = 1_000;

/**
 * Resolves once the disk has room to open a log. Opening one without room would end the process at every start. Until then every request gets
 * 503, with what is wrong and what to do.
 */
export async function roomToStart(
  disk: Disk,
  { settings, clock, logger }: { readonly settings: Settings; readonly clock: Clock; readonly logger: Logger },
): Promise<void> {
  if (disk.room()?.level !== 'none') return;
  logger.error({ detail: reasonOf(disk) }, 'the start waits for room on the disk of the log; all requests get 503');
  const server = await standIn(disk, settings, logger);
  const never = new AbortController().signal;
  while (disk.room()?.level === 'none') await clock.sleep(LOOK_MS, never);
  await closed(server);
}

/** Closes the server. Requests in progress are answered; connections without a request are closed after a second. */
function closed(server: Server): Promise<void> {
  const due = setTimeout(() => server.closeAllConnections(), LINGER_MS);
  return new Promise((resolve) => {
    server.close(() => {
      clearTimeout(due);
      resolve();
    });
  });
}

async function standIn(disk: Disk, settings: Settings, logger: Logger): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    if (request.url === '/healthz') return answer(response, 200, { ok: true });
    const reason = reasonOf(disk);
    const log = { failure: reason, disk: reason };
    answer(response, 503, request.url === '/readyz' ? { ready: false, log } : { error: reason });
  });
  await listen(server, settings, logger);
  return server;
}

function answer(response: ServerResponse, status: number, body: object): void {
  const retry = status === 503 ? { 'Retry-After': RETRY_SECONDS } : {};
  response.writeHead(status, { 'Content-Type': 'application/json', Connection: 'close', ...retry });
  response.end(JSON.stringify(body));
}

const reasonOf = (disk: Disk): string => detailOf(disk.room()) ?? 'the disk of the log has room again';
