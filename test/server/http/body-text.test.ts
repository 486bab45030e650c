import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import type { Gateway } from '../../../server/process/gateway.ts';
import { chunked, exchange, gloodHeaders, host, request, token } from '../../hostile/wire.ts';
import { describe } from '../../support/describe.ts';
import { gatewayWith, SHOP } from '../../support/gateway.ts';
import { openSink, type Sink } from '../../support/sink.ts';
import { until } from '../../support/until.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const config = (url: string) => `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    pipelines:
      - id: hook
        destination: { type: webhook, url: "${url}", secret: "${SECRET}", allowPrivateNetworks: true }
`;

let made = 0;
const layers = (query: string, id = `t-${++made}`) =>
  `{"events":[{"event_id":"${id}","event_type":"search","timestamp":"2026-06-01T12:00:00Z","session_id":"s1","search_id":"q1","query":"${query}"}]}`;
const glood = (query: string, id = `t-${++made}`) =>
  `{"event":{"id":"${id}","name":"search_submitted","data":{"query":"${query}"}},"session_id":"s"}`;
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
const bom = (hex: string, body: Buffer) => Buffer.concat([Buffer.from(hex, 'hex'), body]);

describe('the text of a body', ({ it, before, after }) => {
  let sink: Sink;
  let gateway: Gateway;
  before(async () => {
    sink = await openSink();
    gateway = await gatewayWith(config(sink.url), { BODY_MAX_BYTES: '4096' });
  });
  after(async () => {
    await gateway.stop();
    await sink.close();
  });

  const posted = (body: Buffer, headers: readonly string[], path = '/beacon') =>
    request(`POST ${path} HTTP/1.1`, [host, ...headers, `Content-Length: ${body.length}`], body);
  const answer = (bytes: Buffer) => exchange(gateway.port, { bytes: [bytes] });
  const arrived = (id: string) => until(() => sink.events().find(({ event_id }) => event_id === id));

  const SAID = 'Größe Pantalón';
  const charsets: readonly [type: string, bytes: (text: string) => Buffer, said?: string, read?: string][] = [
    ['application/json', (text) => Buffer.from(text), 'Größe 😀 €'],
    ['application/json; charset=utf-8', (text) => Buffer.from(text), 'Größe 😀 €'],
    ['application/json;charset="UTF8"', (text) => Buffer.from(text)],
    ["application/json; charset='utf-8'", (text) => Buffer.from(text)],
    ['application/json; charset=utf-8; charset=latin1', (text) => Buffer.from(text)],
    ['application/json; charset=', (text) => Buffer.from(text)],
    ['application/json; charset="', (text) => Buffer.from(text)],
    ['application/json; charset=utf-8', (text) => bom('efbbbf', Buffer.from(text))],
    ['application/json; charset=latin1', (text) => bom('efbbbf', Buffer.from(text))],
    ['application/json; charset=ISO-8859-1', (text) => Buffer.from(text, 'latin1')],
    ['text/plain; Charset = latin1 ; x=y', (text) => Buffer.from(text, 'latin1')],
    ['application/json; charset=windows-1252', (text) => Buffer.from(text, 'latin1'), '5 \x80 \x93so\x94', '5 € “so”'],
    ['application/json; charset=iso-8859-1', (text) => Buffer.from(text, 'latin1'), '5 \x80 \x93so\x94', '5 € “so”'],
    ['application/json; charset=iso-8859-15', (text) => Buffer.from(text, 'latin1'), '5 \xa4', '5 €'],
    ['application/json; charset=shift_jis', (text) => Buffer.from(text, 'latin1'), '\x93\xfa\x96\x7b', '日本'],
    ['application/json; charset=utf-16', (text) => bom('fffe', Buffer.from(text, 'utf16le'))],
    ['application/json; charset=utf-16', (text) => bom('feff', utf16be(text))],
    ['application/json; charset=utf-16', utf16be],
    ['application/json; charset=utf-16le', (text) => Buffer.from(text, 'utf16le'), 'Größe 😀'],
    ['application/json; charset=UTF-16BE', utf16be],
    ['application/json; charset=utf-16', (text) => Buffer.from(text)],
    ['application/json', (text) => bom('fffe', Buffer.from(text, 'utf16le'))],
    ['', (text) => bom('feff', utf16be(text))],
    ['', utf16be],
    ['text/plain;charset=UTF-8', (text) => Buffer.from(text, 'utf16le')],
    ['application/json; charset=us-ascii', (text) => Buffer.from(text)],
    // What is no UTF-8 is replaced, and costs nothing else.
    ['application/json; charset=utf-8', (text) => Buffer.from(text, 'latin1'), 'Gr\xf6\xdfe', 'Gr\ufffd\ufffde'],
    ['application/json', (text) => Buffer.from(text, 'latin1'), 'Pantal\xf3n', 'Pantal\ufffdn'],
  ];
  for (const [index, [type, bytes, said = SAID, read = said]] of charsets.entries())
    it(`of the type "${type}" says ${JSON.stringify(read)} (${index})`, async () => {
      const headers = type === '' ? [] : [`Content-Type: ${type}`];
      const id = `c-${index}`;
      const { text } = await answer(posted(bytes(layers(said, id)), [token, ...headers]));
      assert.match(text, /^HTTP\/1.1 201 /);
      assert.is((await arrived(id)).query, read);
      if (type.startsWith('text/plain')) return;
      const { text: other } = await answer(
        posted(bytes(glood(said, `g-${id}`)), [...gloodHeaders, ...headers], '/api/storefront/v3/headless/events'),
      );
      assert.match(other, /^HTTP\/1.1 200 /);
      assert.is((await arrived(`g-${id}`)).query, read);
    });

  for (const charset of ['nope', 'utf-32', 'utf-7', 'iso-2022-kr', `"${'x'.repeat(3000)}"`])
    it(`in the charset ${charset.slice(0, 12)} is refused in the words of its contract`, async () => {
      const type = `Content-Type: application/json; charset=${charset}`;
      const one = await answer(posted(Buffer.from(layers('x')), [token, type]));
      assert.match(one.text, /^HTTP\/1.1 415 .*\{"errors":\["Content-Type must name a charset .*\]\}$/s);
      const two = await answer(
        posted(Buffer.from(glood('x')), [...gloodHeaders, type], '/api/storefront/v3/headless/events'),
      );
      assert.match(two.text, /^HTTP\/1.1 415 .*\{"error":415,"message":"Content-Type must name a charset .*\}$/s);
      assert.ok(one.text.length < 1_000);
    });

  it('counts as it is read: what becomes too large is refused', async () => {
    const body = Buffer.from(layers('ö'.repeat(3_000)), 'latin1');
    assert.ok(body.length < 4096);
    assert.match((await answer(posted(body, [token, 'Content-Type: application/json; charset=latin1']))).text, / 413 /);
  });

  for (const type of [
    'application/vnd.api+json',
    'text/json',
    'application/cloudevents+json; charset=utf-8',
    'APPLICATION/JSON',
  ])
    it(`is JSON by its type ${type}`, async () => {
      const one = await answer(posted(Buffer.from(layers('x')), [token, `Content-Type: ${type}`]));
      assert.match(one.text, /^HTTP\/1.1 201 /);
      const headers = [...gloodHeaders, `Content-Type: ${type}`];
      const two = await answer(posted(Buffer.from(glood('x')), headers, '/api/storefront/v3/headless/events'));
      assert.match(two.text, /^HTTP\/1.1 200 /);
    });
  for (const type of [
    'text/html',
    'application/xml',
    'application/+json/x',
    'a/b+jsonp',
    '+json',
    'multipart/form-data; boundary=x',
  ])
    it(`is no JSON by its type ${type}`, async () => {
      const { text } = await answer(posted(Buffer.from(layers('x')), [token, `Content-Type: ${type}`]));
      assert.match(text, /^HTTP\/1.1 415 /);
    });

  const plain = (text: string) => Buffer.from(text);
  const encodings: readonly [encoding: string | undefined, pack: (text: string) => Buffer, status?: number][] = [
    ['gzip', gzipSync],
    ['GZIP', gzipSync],
    ['x-gzip', gzipSync],
    ['X-GZip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['identity', plain],
    ['Identity', plain],
    ['', plain],
    [' , ', plain],
    ['gzip, identity', gzipSync],
    ['identity,identity', plain],
    ['identity, x-gzip', gzipSync],
    // The header is missing, or says what is not so.
    [undefined, gzipSync],
    [undefined, deflateSync],
    ['identity', gzipSync],
    ['gzip', plain],
    ['gzip', (text) => Buffer.from(`\n ${text}`)],
    ['gzip', (text) => Buffer.from(`\ufeff${text}`)],
    ['deflate', gzipSync],
    ['gzip', deflateSync],
    ['gzip, gzip', (text) => gzipSync(gzipSync(text)), 415],
    ['gzip, br', (text) => brotliCompressSync(gzipSync(text)), 415],
    ['zstd', plain, 415],
    ['compress', plain, 415],
    ['gzip', (text) => gzipSync(text).subarray(0, 40), 400],
    [undefined, (text) => gzipSync(text).subarray(0, 40), 400],
    [undefined, () => gzipSync('x'.repeat(1024 ** 2)), 413],
  ];
  for (const [index, [encoding, pack, status = 201]] of encodings.entries())
    for (const type of ['application/json', 'text/plain;charset=UTF-8', undefined])
      for (const lane of ['in one piece', 'in chunks'])
        it(`in the encoding ${encoding}, ${type}, ${lane}, is answered ${status} (${index})`, async () => {
          const headers = [
            ...(encoding === undefined ? [] : [`Content-Encoding: ${encoding}`]),
            ...(type === undefined ? [] : [`Content-Type: ${type}`]),
          ];
          const id = `e-${++made}`;
          const body = pack(layers('Größe', id));
          const sent =
            lane === 'in chunks'
              ? chunked(body, body.length < 500 ? 1 : 9, headers)
              : posted(body, [token, ...headers]);
          const { text } = await answer(sent);
          assert.match(text, new RegExp(`^HTTP/1.1 ${status} `));
          if (status === 201) assert.is((await arrived(id)).query, 'Größe');
        });

  it('compressed, in a charset of its own, is both', async () => {
    const body = gzipSync(Buffer.from(layers('Größe', 'both'), 'latin1'));
    const headers = [token, 'Content-Type: application/json; charset=latin1', 'Content-Encoding: x-gzip'];
    assert.match((await answer(posted(body, headers))).text, /^HTTP\/1.1 201 /);
    assert.is((await arrived('both')).query, 'Größe');
  });

  it('keeps what was refused as text that can be read', async () => {
    const headers = [token, 'Content-Type: application/json; charset=latin1'];
    const { text } = await answer(posted(Buffer.from('{"Größe', 'latin1'), headers));
    assert.match(text, /^HTTP\/1.1 422 /);
  });
});
