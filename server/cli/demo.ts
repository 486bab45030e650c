import { randomBytes } from 'node:crypto';
import type { Settings } from '../../schemas/settings.ts';
import type { Clock } from '../base/clock.ts';
import { whatFailed } from '../config/start-errors.ts';
import { Failure } from './output.ts';
import { tail } from './tail.ts';

/**
 * A random admin token for a demo, so that every command works at once; undefined if one is set. It is new at each start, so that a token
 * printed once opens no later gateway.
 */
export function demoToken({ ADMIN_TOKEN }: Settings, random = randomBytes): string | undefined {
  return ADMIN_TOKEN === undefined ? random(32).toString('hex') : undefined;
}

export interface DemoStart {
  readonly port: number;
  readonly settings: Settings;
  /** The token, if this start has made it. */
  readonly made: string | undefined;
  /** The file that the process was started with. */
  readonly entry: string;
}

/** Commands to copy: a first event, and a look at it. */
export function firstSteps({ port, settings, made, entry }: DemoStart): string {
  const cli = entry.endsWith('.ts') ? 'node --import tsx server/cli.ts' : 'node dist/server/cli.js';
  const url = isLocal(settings) ? '' : ` --url ${addressOf(settings, port)}`;
  const words = [...(made === undefined ? [] : [`ADMIN_TOKEN=${made}`]), ...(port === 3000 ? [] : [`PORT=${port}`])];
  return `
Try it, in another terminal in this folder:
  curl -i '${addressOf(settings, port)}/beacon?token=demo-token' -H 'Content-Type: application/json' \\
    -d '{"events":[{"event_type":"product_view","event_id":"first-1","timestamp":"2026-06-01T12:00:00Z","session_id":"s1","product_id":7003338965178}]}'
  cat data/archive/*/*.ndjson

${made === undefined ? 'Look after it, with ADMIN_TOKEN set as here:' : 'Look after it. The token is new at each start; start with ADMIN_TOKEN set to keep one:'}
${words.length === 0 ? '' : `  export ${words.join(' ')}\n`}${['receipt first-1', 'quarantine list', 'pipelines list', 'tail'].map((command) => `  ${cli} ${command}${url}`).join('\n')}

Events get a line here:
`;
}

/** What `printEvents` needs of the process. */
export interface Printing extends Pick<DemoStart, 'port' | 'settings'> {
  readonly stdout: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>;
  readonly sleep: Clock['sleep'];
  /** Called once, with the reason, if lines are missing. */
  readonly onGap: (reason: string) => void;
}

const AGAIN_MS = 1000;

/**
 * Prints a line for each event that arrives and for each dead letter, until the signal aborts. It reads the tail like any other client. If the
 * stream ends it connects again, since a web process may have ended alone.
 */
export async function printEvents(printing: Printing, signal: AbortSignal): Promise<void> {
  const { stdout, port, settings, sleep, onGap } = printing;
  const flags = { url: addressOf(settings, port), kinds: ['accepted', 'duplicate', 'refused', 'dead'] };
  const onlooker = {
    out: console.log,
    env: { ADMIN_TOKEN: settings.ADMIN_TOKEN },
    isTty: stdout.isTTY === true,
    columns: stdout.columns || 80,
    interrupted: () => signal,
  };
  for (let gaps = 0; !signal.aborted; gaps += 1) {
    const reason = await tail(flags, onlooker).then(() => '', messageOf);
    await sleep(AGAIN_MS, signal);
    if (gaps === 0 && !signal.aborted) onGap(reason);
  }
}

const messageOf = (error: unknown): string => (error instanceof Failure ? error.message : whatFailed(error));

/** If it listens on every address, it listens on localhost too. */
const isLocal = ({ HOST }: Settings): boolean => ['::', '0.0.0.0', '127.0.0.1', '::1', 'localhost'].includes(HOST);

/** The address of this process on its own machine. */
function addressOf(settings: Settings, port: number): string {
  const { HOST } = settings;
  return `http://${isLocal(settings) ? 'localhost' : HOST.includes(':') ? `[${HOST}]` : HOST}:${port}`;
}
