import type { LookupAddress } from 'node:dns';
import { createServer, isIP, type LookupFunction, type Server, type Socket } from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import Value from 'typebox/value';
import * as assert from 'uvu/assert';
import { connectWebhook, webhook } from '../../../adapters/destinations/webhook/webhook.ts';
import type { Network } from '../../../adapters/http/agent.ts';
import { kindOf, publicOnly, urlMistakes } from '../../../adapters/http/ssrf.ts';
import { sampleBatch, testTools } from '../../support/batch.ts';
import { certificate } from '../../support/certificate.ts';
import { describe } from '../../support/describe.ts';
import { openSink } from '../../support/sink.ts';

/** Addresses that only the own network has. Written as a URL would have them, and what a name could stand for. */
const specialV4 = [
  ...['0.0.0.0', '0.0.0.1', '0.255.255.255', '10.0.0.0', '10.1.2.3', '10.255.255.255', '100.64.0.1', '100.100.100.200'],
  ...['100.127.255.255', '127.0.0.1', '127.0.0.2', '127.1.2.3', '127.255.255.255', '168.63.129.16', '169.254.0.1'],
  ...['169.254.169.254', '169.254.170.2', '172.16.0.1', '172.17.0.1', '172.31.255.255', '192.0.0.1', '192.0.0.192'],
  ...['192.0.2.1', '192.88.99.1', '192.168.0.1', '192.168.255.255', '198.18.0.1', '198.19.255.255', '198.51.100.7'],
  ...['203.0.113.9', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '192.175.48.1', '192.52.193.1'],
];
const specialV6 = [
  ...[
    '::',
    '::1',
    '::2',
    '::127.0.0.1',
    '::7f00:1',
    '::8.8.8.8',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1',
  ],
  ...['::ffff:169.254.169.254', '::ffff:8.8.8.8', '::ffff:0:127.0.0.1', '0:0:0:0:0:ffff:7f00:1', '64:ff9b::127.0.0.1'],
  ...['64:ff9b::7f00:1', '64:ff9b::a00:1', '64:ff9b::8.8.8.8', '64:ff9b:1::1', '64:ff9b:1:ffff::7f00:1', '100::1'],
  ...[
    '2001::1',
    '2001:0:7f00:1::',
    '2001:2::1',
    '2001:3::1',
    '2001:10::1',
    '2001:20::1',
    '2001:db8::1',
    '2002:7f00:1::',
  ],
  ...['2002:a00:1::1', '2002:c0a8:101::', '3fff::1', '5f00::1', 'fc00::1', 'fd00::1', 'fd00:ec2::254', 'fdff::ffff'],
  ...[
    'fe80::1',
    'fe80::7f00:1',
    'febf::1',
    'fec0::1',
    'feff::1',
    'ff01::1',
    'ff02::1',
    'ff05::2',
    '4000::1',
    '8000::1',
  ],
];
/** Other spellings of addresses and local names, which URL parsers and resolvers understand. */
const spelled = [
  ...[
    '2130706433',
    '017700000001',
    '0x7f000001',
    '0x7f.1',
    '127.1',
    '127.0.1',
    '0177.0.0.1',
    '0x7F.0x0.0x0.0x1',
    '127.0.0.1.',
  ],
  ...[
    '0',
    '0x0',
    '00000',
    '1',
    '3232235777',
    '0xa9fea9fe',
    '2852039166',
    '0251.0376.0251.0376',
    '169.254.43518',
    '10.1',
  ],
  ...['①②⑦.⓪.⓪.①', '127。0。0。1', '127.0.0.1', '%31%32%37.0.0.1', '0x7f.0.0.0x1', '127.000.000.001', '012.0.0.1'],
  ...[
    '[0000:0000:0000:0000:0000:0000:0000:0001]',
    '[::FFFF:127.0.0.1]',
    '[0:0::1]',
    '[::ffff:0x7f.1]',
    '[fe80::1%25lo]',
  ],
  ...['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'ⓛocalhost', 'foo.bar.localhost.'],
];
const otherUrls = [
  ...['http://example.com/', 'http://127.0.0.1/', 'ftp://example.com/', 'file:///etc/passwd', 'data:text/plain,hi'],
  ...[
    'gopher://127.0.0.1/',
    'javascript:alert(1)',
    'unix:/var/run/docker.sock',
    'ws://example.com',
    '//example.com',
    '',
  ],
  ...['https://', 'https://user@example.com/', 'https://user:pw@example.com/', 'https://example.com@127.0.0.1/'],
  ...[
    'https://127.0.0.1#@example.com/',
    'https://127.0.0.1?@example.com/',
    'https://example.com:22/',
    'https://example.com:80/',
  ],
  ...['https://example.com:6379/', 'https://example.com:65535/', 'https://example.com:99999/', 'https://exa mple.com/'],
  ...['https:\\\\127.0.0.1\\', 'https:127.0.0.1', ' https://127.0.0.1 ', 'https://127.0.0.1\t/', 'HTTPS://LOCALHOST/'],
];
const urls = [
  ...[...specialV4, ...specialV6.map((address) => `[${address}]`), ...spelled].map((host) => `https://${host}/hooks`),
  ...otherUrls,
];

const publicAddresses = [
  ...[
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.1',
  ],
  ...['168.63.129.15', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0', '223.255.255.255'],
  ...['2606:4700:4700::1111', '2a00:1450:4001:81b::200e', '2400:cb00::1', '3ffe::1'],
];

describe('the address guard', ({ it, before, after }) => {
  const canaries: Server[] = [];
  const touched = { connects: 0, bytes: 0 };
  let port = 0;

  before(async () => {
    // The same port on both loopback addresses, where there are two.
    canaries.push(await canary('127.0.0.1', 0));
    port = portOf(canaries[0]!);
    await canary('::1', port).then(
      (server) => canaries.push(server),
      () => console.log('no IPv6 loopback here: the canary on ::1 is missing'),
    );
  });
  after(() => {
    for (const server of canaries) server.close();
  });

  const canary = (host: string, at: number): Promise<Server> =>
    new Promise((resolve, reject) => {
      const server = createServer((socket) => {
        touched.connects += 1;
        socket.on('data', (bytes) => {
          touched.bytes += bytes.length;
        });
        socket.on('error', () => undefined);
        socket.end();
      });
      server.once('error', reject).listen(at, host, () => resolve(server.unref()));
    });

  /** Whatever passes the guard ends at a canary, wherever it was going: nothing leaves this machine. */
  const intoTheCanary = (options: ConnectionOptions): Socket =>
    tlsConnect({
      ...options,
      port,
      host: isIP(options.host ?? '') ? '127.0.0.1' : (options.host ?? ''),
      lookup: (host, how, done) =>
        options.lookup?.(host, how, (error) => (error ? done(error, '', 0) : answer(how.all, ['127.0.0.1'], done))),
    });

  const attempt = async (url: string, network: Network, allowPrivateNetworks = false) => {
    const chosen = Value.Default(webhook.settings, { url, secret, timeoutSeconds: 2, allowPrivateNetworks });
    const sender = connectWebhook(chosen as Parameters<typeof connectWebhook>[0], testTools(), network);
    const [outcome] = await sender.send(sampleBatch(1), new AbortController().signal);
    await sender.close?.();
    return outcome!;
  };

  it(`lets none of ${urls.length} URLs reach a canary, and says why`, async () => {
    assert.ok(urls.length >= 120);
    const connects = touched.connects;
    for (const url of urls) {
      assert.ok(urlMistakes(url, false).length > 0, `${url} passes the check of settings`);
      const outcome = await attempt(url, { lookup: standingFor(['127.0.0.1']), connect: intoTheCanary });
      assert.is(outcome.kind, 'retry', url);
      assert.match('reason' in outcome ? outcome.reason : '', /^url: must /, url);
    }
    assert.is(touched.connects, connects);
  });

  const names = [...specialV4, ...specialV6].flatMap((address) => [[address], ['93.184.216.34', address]]);
  it(`lets none of ${names.length} names that stand for such addresses reach a canary`, async () => {
    const connects = touched.connects;
    for (const addresses of [...names, ['fe80::1%eth0'], ['no address'], []]) {
      const network = { lookup: standingFor(addresses), connect: intoTheCanary };
      const outcome = await attempt('https://hooks.example.com/', network);
      assert.match(
        'reason' in outcome ? outcome.reason : '',
        /hooks\.example\.com is at .*not a public/,
        addresses.join(),
      );
    }
    assert.is(touched.connects, connects);
  });

  it('is what keeps them away: without it the same URLs and names reach the canaries', async () => {
    const hosts = ['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', 'localhost', 'hooks.example.com'];
    for (const host of canaries.length === 2 ? [...hosts, '[::1]'] : hosts) {
      const connects = touched.connects;
      const outcome = await attempt(`https://${host}:${port}/`, { lookup: standingFor(['127.0.0.1']) }, true);
      assert.is(outcome.kind, 'retry');
      assert.is(touched.connects, connects + 1, host);
    }
    const connects = touched.connects;
    await attempt('https://hooks.example.com/', { lookup: standingFor(['93.184.216.34']), connect: intoTheCanary });
    assert.is(touched.connects, connects + 1, 'what passes the guard does not end at the canary');
  });

  it('writes nothing to a peer that turns out not to be public', async () => {
    const { connects, bytes } = touched;
    const network = { lookup: standingFor(['93.184.216.34']), connect: intoTheCanary };
    const outcome = await attempt('https://hooks.example.com/', network);
    assert.match('reason' in outcome ? outcome.reason : '', /the connected peer is at 127\.0\.0\.1, .*\(loopback\)/);
    assert.is(touched.connects, connects + 1);
    assert.is(touched.bytes, bytes);
  });

  it('delivers to a public name, and notices when the name changes its mind', async () => {
    const sink = await openSink({ tls: true });
    // Closing each connection makes the next attempt resolve the name again.
    sink.behave({ kind: 'answer', status: 200, headers: { connection: 'close' } });
    const connects = touched.connects;
    const answers = [['93.184.216.34'], ['127.0.0.1'], ['93.184.216.34', '::1']];
    let asked = 0;
    const lookup: LookupFunction = (_, { all }, done) => answer(all, answers[asked++] ?? [], done);
    const chosen = { url: 'https://hooks.example.com/', secret, timeoutSeconds: 2 };
    const network = { lookup, connect: actingPublic(sink.port) };
    const settings = Value.Default(webhook.settings, chosen) as Parameters<typeof connectWebhook>[0];
    const sender = connectWebhook(settings, testTools(), network);
    const kinds: string[] = [];
    for (const _ of answers) {
      const [outcome] = await sender.send(sampleBatch(1), new AbortController().signal);
      kinds.push(`${outcome!.kind} ${'reason' in outcome! ? outcome.reason : outcome!.status}`);
    }
    await sender.close?.();
    await sink.close();
    assert.match(kinds[0]!, /^delivered HTTP 200/);
    assert.match(kinds[1]!, /^retry hooks\.example\.com is at 127\.0\.0\.1/);
    assert.match(kinds[2]!, /^retry hooks\.example\.com is at ::1/);
    assert.is(asked, 3);
    assert.is(sink.requests.length, 1);
    assert.is(touched.connects, connects);
  });

  it('trusts no certificate of another name, nor one that nobody vouches for', async () => {
    const sink = await openSink({ tls: true });
    const lookup = standingFor(['93.184.216.34']);
    const other = await attempt('https://other.example.com/', { lookup, connect: actingPublic(sink.port) });
    assert.match('reason' in other ? other.reason : '', /does not match certificate/);
    const unknown = await attempt('https://hooks.example.com/', {
      lookup,
      connect: actingPublic(sink.port, { ca: undefined }),
    });
    assert.match('reason' in unknown ? unknown.reason : '', /self-signed certificate/);
    assert.is(sink.requests.length, 0);
    await sink.close();
  });

  it('lets public addresses pass, next door to special ones too', async () => {
    for (const address of publicAddresses) {
      assert.is(kindOf(address), 'public', address);
      assert.equal(urlMistakes(`https://${isIP(address) === 6 ? `[${address}]` : address}:8443/`, false), []);
    }
    assert.equal(urlMistakes('https://hooks.example.com/a?b=c', false), []);
    assert.equal(urlMistakes('https://notlocalhost/', false), []);
  });

  it('answers a look-up in the form it was asked for', async () => {
    const guarded = publicOnly(standingFor(['8.8.8.8', '2606:4700::1']));
    const all = await new Promise((resolve) => guarded('a', { all: true }, (_, found) => resolve(found)));
    assert.equal(all, [
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
    const one = await new Promise((resolve) => guarded('a', {}, (_, found, family) => resolve([found, family])));
    assert.equal(one, ['8.8.8.8', 4]);
  });

  it('allows everything but credentials in a network of your own', () => {
    for (const url of ['http://127.0.0.1:3000/', 'https://[::1]/', 'http://receiver.internal/'])
      assert.equal(urlMistakes(url, true), []);
    assert.match(urlMistakes('http://me:pw@127.0.0.1/', true).join(), /no user name or password/);
    for (const url of otherUrls) assert.not.match(urlMistakes(url, false).join(), /user:pw|passwd|alert/);
  });
});

const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

type Done = Parameters<LookupFunction>[2];
const answer = (all: boolean | undefined, addresses: readonly string[], done: Done): void => {
  const found: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  if (all) done(null, found);
  else done(null, found[0]?.address ?? '', found[0]?.family);
};

const standingFor =
  (addresses: readonly string[]): LookupFunction =>
  (_, { all }, done) =>
    answer(all, addresses, done);

/** Connects to a port of this machine and pretends that it is a public one. */
const actingPublic =
  (port: number, more: ConnectionOptions = {}): NonNullable<Network['connect']> =>
  (options: ConnectionOptions) => {
    const socket = tlsConnect({
      ...options,
      ca: certificate.cert,
      ...more,
      port,
      lookup: (host, how, done) =>
        options.lookup?.(host, how, (error) => (error ? done(error, '', 0) : answer(how.all, ['127.0.0.1'], done))),
    });
    return Object.defineProperty(socket, 'remoteAddress', { value: '93.184.216.34' });
  };

const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
};
