import { beacon, call } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';
import { pause } from '../random.ts';
import { type Seen, secrets } from './canaries.ts';
import { cliOf, type Place, printing } from './printed.ts';
import type { Expected, Output } from './said.ts';

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
  // Nor has the pipeline that is refused always come to its first attempt. What is missing then is for the judge.
  await until(async () => (await ask('/admin/pipelines', own)).includes('"reason":"HTTP '), 20_000).catch(() => {});
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
export function command(place: Place, told: string): Promise<Output[]> {
  return Promise.all(
    calls(`http://127.0.0.1:${place.port}`, told).map(async ({ words, ...expected }) => ({
      where: `the output of the command ${words.slice(0, 2).join(' ')}`,
      ...(await printing([cliOf(place.entry), ...words], place).ended(30_000)),
      expected,
    })),
  );
}

function calls(url: string, told: string): readonly (Expected & { readonly words: readonly string[] })[] {
  const withUser = `http://${secrets['a user of a URL']}:x@127.0.0.1:9`;
  const mistakes = ['nonsense', 'tokens[1]', 'destination.url', 'destination.secret'];
  return [
    { words: ['check', 'gateway.yaml'], code: 0, says: ['is valid', 'secret=***'] },
    { words: ['check', 'gateway.yaml', '--json'], code: 0, says: ['"ok": true', 'secret=***'] },
    { words: ['check', 'mistaken.yaml'], code: 1, says: mistakes },
    { words: ['check', 'torn.yaml', '--json'], code: 1, says: ['"ok": false', 'torn.yaml, line '] },
    { words: ['send', '--url', url, '--token', secrets['a storefront token']], code: 0, says: ['HTTP 201'] },
    {
      words: [
        'send',
        '--url',
        url,
        '--token',
        secrets['an unknown token'],
        '--dialect',
        'glood',
        '--shop',
        'demo.myshopify.com',
      ],
      code: 1,
      says: ['HTTP 401'],
    },
    ...(['dead', 'quarantine'] as const).flatMap((kept) => [
      { words: [kept, 'list', '--url', url], code: 0, says: [told] },
      { words: [kept, 'list', '--url', url, '--json'], code: 0, says: [told] },
      { words: [kept, 'export', '--url', url, '--out', `${kept}-export.ndjson`], code: 0, says: ['written to'] },
      { words: [kept, 'export', '--url', url], code: 0, says: [told] },
    ]),
    { words: ['receipt', 'e-none', '--url', url], code: 1, says: ['e-none'] },
    { words: ['pipelines', '--url', url, '--json'], code: 0, says: ['"refusing"', '"reason": "HTTP '] },
    { words: ['balance', '--url', url], code: 0, says: ['Balanced'] },
    {
      words: ['balance', '--url', url, '--admin-token', secrets['a wrong admin token']],
      code: 1,
      says: ['refused this token'],
    },
    { words: ['balance', '--url', withUser], code: 2, says: ['without user and password'] },
    { words: ['send', '--url', withUser], code: 2, says: ['without user and password'] },
    { words: ['replay', 'status', '--url', url], code: 0, says: ['No replays'] },
  ];
}

const TOLD_WITHIN_MS = 30_000;

/** A tail that is told of all that follows. Gives what ends it, once it has said something of every kind. */
export async function tailed(place: Place, told: string): Promise<() => Promise<Output>> {
  const tail = printing([cliOf(place.entry), 'tail', '--url', `http://127.0.0.1:${place.port}`], place);
  const headers = { 'x-storefront-access-token': secrets['a storefront token'] };
  // Nobody says when it is connected. What is refused concerns no pipeline.
  await until(async () => {
    await beacon(place.port, [{ event_type: told }], { headers });
    await pause(100);
    return tail.said().includes('refused');
  }, TOLD_WITHIN_MS);
  const says = ['accepted', 'duplicate', 'delivered', 'retried', 'dead', 'HTTP 4', told];
  return async () => {
    // What is missing then is for the judge.
    await until(() => says.every((words) => tail.said().includes(words)), TOLD_WITHIN_MS).catch(() => {});
    return { where: 'the output of the command tail', ...(await tail.ended(0)), expected: { code: 0, says } };
  };
}
