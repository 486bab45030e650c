import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { JobReport } from '../../../schemas/admin-api/jobs.ts';
import { ADMIN_TOKEN } from '../admin.ts';
import { pause } from '../random.ts';
import { now, type Order, type OrderKind, type Scribe } from './history.ts';

/** What is asked for: the call of the admin API, and the command that does the same. */
export interface Wanted {
  readonly kind: OrderKind;
  readonly input: Readonly<Record<string, unknown>>;
  readonly letters?: readonly string[];
  readonly path: string;
  readonly body?: object;
  /** Absent where it is given by the API alone. */
  readonly words?: readonly string[];
}

/** Gives orders and writes down what became of them. */
export interface Desk {
  /** Never rejects. */
  order(wanted: Wanted, by?: Order['by']): Promise<Order>;
  /** The answer of a GET; undefined where there is none. */
  look<T>(path: string): Promise<T | undefined>;
  close(): void;
}

const LIMIT_MS = 20_000;

export function openDesk(port: number, entry: string, history: Scribe): Desk {
  const agent = new Agent({ keepAlive: true });
  return {
    async order({ kind, input, letters, path, body = {}, words }, wish = 'api') {
      const by = wish === 'cli' && words ? 'cli' : 'api';
      const order: Order = { kind, input, by, begunAt: now(), ...(letters && { letters }) };
      history.orders.push(order);
      const said = by === 'cli' ? await byCli(entry, port, words ?? []) : await byApi(agent, port, 'POST', path, body);
      const { result, answer } = await whole(said, (id) => byApi(agent, port, 'GET', `/jobs/${id}`));
      order.endedAt = now();
      order.result = result;
      order.answer = answer;
      history.note(kind, order);
      return order;
    },
    async look<T>(path: string) {
      const { result, answer } = await byApi(agent, port, 'GET', path);
      return result === 'done' ? (answer as T) : undefined;
    },
    close: () => agent.destroy(),
  };
}

/** What takes long goes on as a job, and is carried out when that is done. What a job had not done when its process ended, nobody knows. */
async function whole(said: Said, ask: (job: string) => Promise<Said>): Promise<Said> {
  const job = (said.answer as { job?: JobReport }).job;
  if (said.result !== 'done' || job?.state === undefined || !('counts' in job)) return said;
  let last = job;
  for (const end = now() + LIMIT_MS; last.state === 'running' && now() < end; ) {
    await pause(100);
    const { result, answer } = await ask(job.id);
    if (result === 'done') last = answer as unknown as JobReport;
  }
  return { result: last.state === 'done' ? 'done' : 'cut', answer: { ...said.answer, ...last.counts, job: last } };
}

interface Said {
  readonly result: NonNullable<Order['result']>;
  readonly answer: Readonly<Record<string, unknown>>;
}

function byApi(agent: Agent, port: number, method: string, path: string, body?: object): Promise<Said> {
  return new Promise((resolve) => {
    const cut = (why: string) => resolve({ result: 'cut', answer: { why } });
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
    const options = { method, port, host: '127.0.0.1', path: `/admin${path}`, agent, headers };
    const asked = request(options, async (answer) => {
      const { statusCode: status = 0 } = answer;
      const said = await text(answer).catch(() => undefined);
      if (said === undefined || !answer.complete) return cut('the answer was cut short');
      const isDone = status >= 200 && status < 300;
      // Nobody promises what a 5xx has done.
      const result = isDone ? 'done' : status >= 500 ? 'cut' : 'refused';
      resolve({ result, answer: isDone ? JSON.parse(said) : { status, said: said.slice(0, 300) } });
    });
    asked.setTimeout(LIMIT_MS, () => asked.destroy(new Error(`no answer within ${LIMIT_MS} ms`)));
    asked.once('error', (error: Error & { code?: string }) =>
      error.code === 'ECONNREFUSED'
        ? resolve({ result: 'refused', answer: { why: 'nobody listens' } })
        : cut(`${error}`),
    );
    asked.end(body && JSON.stringify(body));
  });
}

/** The command itself, as an operator runs it. An exit code other than 0 says nothing of what was done. */
async function byCli(entry: string, port: number, words: readonly string[]): Promise<Said> {
  const cli = join(dirname(entry), 'cli.js');
  const url = ['--url', `http://127.0.0.1:${port}`, '--json'];
  const child = spawn(process.execPath, [cli, ...words, ...url], {
    env: { PATH: process.env.PATH, ADMIN_TOKEN },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [said, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) return { result: 'cut', answer: { code, complaint: complaint.slice(0, 300) } };
  try {
    return { result: 'done', answer: JSON.parse(said) };
  } catch {
    return { result: 'done', answer: { said: said.slice(0, 300) } };
  }
}
