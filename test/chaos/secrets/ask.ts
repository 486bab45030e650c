import { gzipSync } from 'node:zlib';
import { beacon, type Call, call, glood, layersEvent, type Reply, tapcart } from '../../support/gateway.ts';
import { type Seen, secrets } from './canaries.ts';

/**
 * Asks everything that a client can ask, right and wrong; gives the answers. `told` stands in fields of events. Who guesses at the admin
 * API is locked out of it for a minute, so `guessing` comes last.
 */
export async function askAll(port: number, told: string, guessing: boolean): Promise<Seen[]> {
  const seen: Seen[] = [];
  const keep = async (what: string, reply: Promise<Reply>) => {
    const { status, headers, body } = await reply;
    seen.push({ where: `the answer ${status} to ${what}`, text: `${JSON.stringify(headers)} ${body}` });
  };
  const events = [layersEvent({ session_id: told, event_id: `e-${told}-${Date.now()}` }), {}, { event_type: told }];
  for (const [what, request] of beacons()) await keep(what, beacon(port, events, request));
  for (const authorization of authorizations())
    for (const path of [
      '/api/storefront/v3/headless/events',
      '/webhooks/tapcart',
      ...(guessing ? ['/admin/dead'] : []),
    ])
      await keep(`an authorization to ${path}`, call(port, { path, headers: { authorization }, body: '{}' }));
  for (const bearer of [secrets['a server token'], secrets['a token in rotation']]) {
    const headers = { authorization: `Bearer ${bearer}` };
    const body = { event: { id: `g-${Date.now()}`, name: 'page_viewed' }, session_id: told };
    await keep('a Glood event', glood(port, body, { headers }));
    await keep('a wrong Glood event', glood(port, { shop_domain: 'other.example' }, { headers }));
    await keep('no Glood event', glood(port, {}, { headers, body: '{' }));
    for (const text of ['{}', '[]', '{"client_id":7}'])
      await keep(
        'an init',
        initReply(glood(port, {}, { path: '/api/storefront/v3/headless/init', headers, body: text }), bearer),
      );
  }
  const token = encodeURIComponent(secrets['a server token']);
  const path = `/webhooks/tapcart?token=${token}`;
  const clicked = { event: 'pageView', mp_metadata: { mp_event_id: `t-${Date.now()}`, mp_session_id: told } };
  await keep('a Tapcart event', tapcart(port, clicked, { path }));
  await keep('a wrong Tapcart event', tapcart(port, {}, { path }));
  for (const get of [
    '/healthz',
    '/metrics',
    '/readyz',
    '/openapi.json',
    '/nope',
    '/beacon',
    ...(guessing ? ['/admin/dead', '/admin/nope'] : []),
  ])
    for (const query of ['', `?token=${token}`, `?access_token=${secrets['an unknown token']}`])
      await keep(`GET ${get}`, call(port, { method: 'GET', path: `${get}${query}` }));
  return seen;
}

function beacons(): (readonly [string, Call])[] {
  const own = { 'x-storefront-access-token': secrets['a storefront token'] };
  const unknown = secrets['an unknown token'];
  return [
    ['an event', { headers: own }],
    ['a rotated token', { headers: { 'x-storefront-access-token': secrets['a token in rotation'] } }],
    ['the plaintext of a digest', { headers: { 'x-storefront-access-token': secrets['the plaintext of a digest'] } }],
    ['verbose', { path: '/beacon?verbose=1', headers: own }],
    ['an unknown token', { headers: { 'x-storefront-access-token': unknown } }],
    ['a token in the query', { path: `/beacon?token=${unknown}`, headers: { 'x-storefront-access-token': '' } }],
    ['both', { path: `/beacon?token=${unknown}`, headers: own }],
    [
      'a cookie',
      { headers: { ...own, cookie: `session=${secrets['a cookie']}`, 'proxy-authorization': `Basic ${unknown}` } },
    ],
    ['a referrer', { headers: { ...own, referer: `https://x.example/?token=${secrets['a referrer']}` } }],
    ['a foreign origin', { headers: { ...own, origin: 'https://evil.example' } }],
    ['another type', { headers: { ...own, 'content-type': 'application/xml' } }],
    ['no JSON', { headers: own, body: '{' }],
    ['no body', { headers: own, body: ' ' }],
    ['too much', { headers: own, body: 'x'.repeat(300_000) }],
    ['broken gzip', { headers: { ...own, 'content-encoding': 'gzip' }, body: 'no gzip' }],
    ['gzip', { headers: { ...own, 'content-encoding': 'gzip' }, body: gzipSync('{}') }],
    ['another encoding', { headers: { ...own, 'content-encoding': 'zstd' } }],
    ['chunks', { headers: own, lane: 'chunked' }],
    ['another method', { method: 'PUT', headers: own }],
    [
      'a preflight',
      {
        method: 'OPTIONS',
        headers: { ...own, origin: 'https://evil.example', 'access-control-request-method': 'POST' },
      },
    ],
    ['no such path', { path: `/nope?token=${secrets['a storefront token']}`, headers: own }],
    ['no address', { path: `http://${unknown}:${unknown}@[x/beacon`, headers: own }],
  ];
}

const authorizations = (): string[] => {
  const unknown = secrets['an unknown token'];
  const basic = Buffer.from(`user:${unknown}`).toString('base64');
  return [
    `Bearer ${unknown}`,
    `bearer  ${unknown}`,
    `Bearer ${unknown},${unknown}`,
    `Basic ${basic}`,
    unknown,
    `Token token="${unknown}"`,
  ];
};

/** The contract of an init gives the client its own token back; nothing else of it may. */
async function initReply(reply: Promise<Reply>, own: string): Promise<Reply> {
  const found = await reply;
  const said = JSON.parse(found.body) as { token?: string };
  return said.token === own ? { ...found, body: JSON.stringify({ ...said, token: '' }) } : found;
}
