import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { call } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';
import { type Seen, secrets } from './canaries.ts';

/** What the admin API says once dead letters have come; also to somebody who guesses its token. */
export async function administer(port: number): Promise<Seen[]> {
  const seen: Seen[] = [];
  const ask = async (path: string, token: string, body?: string) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const method = body === undefined ? 'GET' : 'POST';
    const reply = await call(port, { method, path, headers, ...(body !== undefined && { body }) });
    seen.push({
      where: `the answer ${reply.status} to ${path}`,
      text: `${JSON.stringify(reply.headers)} ${reply.body}`,
    });
    return reply.body;
  };
  const own = secrets['the admin token'];
  await until(async () => (await ask('/admin/dead?limit=100', own)).includes('HTTP 4'), 20_000);
  for (const path of [
    'pipelines',
    'quarantine?limit=100',
    'receipts/e-none',
    'balance',
    'replays',
    'nope',
    'dead/none',
  ])
    await ask(`/admin/${path}`, own);
  for (const path of ['replays', 'dead/redrive', 'quarantine/discard', 'pipelines/x/y/suspend'])
    await ask(`/admin/${path}`, own, `{"token":7}`);
  await ask('/admin/dead', secrets['a wrong admin token']);
  await ask('/admin/dead', `${own}x`);
  await ask(`/admin/dead?token=${own}`, '');
  return seen;
}

/** What commands print, right calls and wrong ones. */
export async function command(
  { entry, folder, port }: { readonly entry: string; readonly folder: string; readonly port: number },
  environment: Readonly<Record<string, string>>,
): Promise<Seen[]> {
  const url = `http://127.0.0.1:${port}`;
  const cli = join(dirname(entry), 'cli.js');
  const calls: readonly (readonly string[])[] = [
    ['check', 'gateway.yaml'],
    ['check', 'gateway.yaml', '--json'],
    ['check', 'mistaken.yaml'],
    ['check', 'torn.yaml', '--json'],
    ['send', '--url', url, '--token', secrets['a storefront token']],
    ['send', '--url', url, '--token', secrets['an unknown token'], '--dialect', 'glood'],
    ...['dead', 'quarantine'].flatMap((kept) => [
      [kept, 'list', '--url', url],
      [kept, 'list', '--url', url, '--json'],
      [kept, 'export', '--url', url, '--out', `${kept}-export.ndjson`],
      [kept, 'export', '--url', url],
    ]),
    ['receipt', 'e-none', '--url', url],
    ['pipelines', '--url', url, '--json'],
    ['balance', '--url', url],
    ['balance', '--url', url, '--admin-token', secrets['a wrong admin token']],
    ['balance', '--url', `http://${secrets['a user of a URL']}:x@127.0.0.1:9`],
    ['send', '--url', `http://${secrets['a user of a URL']}:x@127.0.0.1:9`],
    ['replay', 'status', '--url', url],
    ['tail', '--url', url],
  ];
  return Promise.all(
    calls.map(async (words) => ({
      where: `the output of the command ${words.slice(0, 2).join(' ')}`,
      // A tail has no end.
      text: await printed([cli, ...words], folder, environment, words[0] === 'tail' ? 5_000 : 30_000),
    })),
  );
}

/** What a Node process prints until it ends, or for so long, and how it ended. */
export function printed(
  words: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>>,
  limitMs = 6_000,
): Promise<string> {
  const child = spawn(process.execPath, words, { cwd, env: { PATH: process.env.PATH, ...environment } });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      text += String(chunk);
    });
  const late = setTimeout(() => child.kill('SIGTERM'), limitMs);
  return new Promise((resolve) =>
    child.once('close', (code) => {
      clearTimeout(late);
      resolve(`${text}\nexit code ${code}`);
    }),
  );
}
