import { randomBytes } from 'node:crypto';
import type { Settings } from '../../schemas/settings.ts';
import type { Clock } from '../base/clock.ts';
import { whatFailed } from '../config/start-errors.ts';
import { Failure } from './output.ts';
import { tail } from './tail.ts';

/**
 * An admin token for a demo, so that every command works in its first minute; undefined if one is set. It is new each time: nothing that
 * was printed once opens a later gateway.
 */
export function demoToken({ ADMIN_TOKEN }: Settings, random = randomBytes): string | undefined {
  return ADMIN_TOKEN === undefined ? random(32).toString('hex') : undefined;
}

export interface DemoPlace {
  readonly port: number;
  readonly settings: Settings;
  /** The token, where it was made for this start. */
  readonly made: string | undefined;
  /** The file that the process was started with. */
  readonly entry: string;
}

/** What to type next, as it can be copied: a first event, and the commands that look after it. */
export function firstSteps({ port, settings, made, entry }: DemoPlace): string {
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

/** What printing lines needs of the process. */
export interface Printing extends Pick<DemoPlace, 'port' | 'settings'> {
  readonly stdout: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>;
  readonly sleep: Clock['sleep'];
  /** Called once, with why lines are missing. */
  readonly onGap: (reason: string) => void;
}

const AGAIN_MS = 1000;

/**
 * Prints a line for each event that comes, and for what a destination will never take, until the signal aborts. It is a reader of the tail
 * like any other; one that its gateway has ended comes again, since a web process may have ended alone.
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

/** Every address of this machine is localhost too. */
const isLocal = ({ HOST }: Settings): boolean => ['::', '0.0.0.0', '127.0.0.1', '::1', 'localhost'].includes(HOST);

/** Where this process can be reached from its own machine. */
function addressOf(settings: Settings, port: number): string {
  const { HOST } = settings;
  return `http://${isLocal(settings) ? 'localhost' : HOST.includes(':') ? `[${HOST}]` : HOST}:${port}`;
}
