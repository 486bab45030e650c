import * as assert from 'uvu/assert';
import type { Gateway } from '../../../server/process/gateway.ts';
import { beacon, chunked, exchange, host, request, token } from '../../hostile/wire.ts';
import { describe } from '../../support/describe.ts';
import { gatewayWith, layersEvent, SHOP } from '../../support/gateway.ts';

const config = `{ shops: [{ shop: ${SHOP}, tokens: [demo-token], pipelines: [] }] }`;
const line = 'POST /beacon HTTP/1.1';
const event = () => JSON.stringify({ events: [layersEvent()] });
const length = (body: string) => `Content-Length: ${Buffer.byteLength(body)}`;
const te = 'Transfer-Encoding: chunked';

function post(first: string, headers: readonly string[]): Buffer {
  const body = event();
  return request(first, [...headers, length(body)], body);
}

/** An event in chunks, each with what stands behind its size, and with these trailers. */
function inChunks(behind: string, trailers = '', headers: readonly string[] = [host, token, te]): Buffer {
  const body = event();
  const sized = (text: string) => `${text.length.toString(16)}${behind}\r\n${text}\r\n`;
  return request(line, headers, `${sized(body.slice(0, 9))}${sized(body.slice(9))}0${behind}\r\n${trailers}\r\n`);
}

interface Case {
  readonly name: string;
  readonly bytes: () => Buffer;
  readonly answers: readonly number[];
  /** What the answers say, as they come. */
  readonly says?: RegExp;
  /** Whether the connection can be used again behind it; undefined is not looked at. */
  readonly goesOn?: boolean;
}

const cases: readonly Case[] = [
  // Redirects turn a POST into a GET.
  {
    name: 'OPTIONS without Origin',
    bytes: () => request('OPTIONS /beacon HTTP/1.1', [host]),
    answers: [204],
    says: /\r\nAllow: POST, OPTIONS\r\n/,
    goesOn: true,
  },
  {
    name: 'OPTIONS with an Origin, and no method asked for',
    bytes: () => request('OPTIONS /beacon HTTP/1.1', [host, 'Origin: https://a.example']),
    answers: [204],
    goesOn: true,
  },
  { name: 'OPTIONS *', bytes: () => request('OPTIONS * HTTP/1.1', [host]), answers: [404], goesOn: true },
  {
    name: 'HTTP/1.0',
    bytes: () => post('POST /beacon HTTP/1.0', [token]),
    answers: [201],
    says: /\r\nConnection: close\r\n/i,
  },
  {
    name: 'HTTP/1.0 that would stay',
    bytes: () => post('POST /beacon HTTP/1.0', [token, 'Connection: keep-alive']),
    answers: [201],
    says: /\r\nConnection: keep-alive\r\n/i,
    goesOn: true,
  },
  { name: 'HTTP/1.1 without Host', bytes: () => post(line, [token]), answers: [400], goesOn: false },
  { name: 'an empty Host', bytes: () => post(line, ['Host:', token]), answers: [201], goesOn: true },
  {
    name: 'a Host that is none of ours',
    bytes: () => post(line, ['Host: evil.example:99', token]),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'the address in full',
    bytes: () => post('POST http://gateway.example.com/beacon HTTP/1.1', [host, token]),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'the address in full, with another host and its token',
    bytes: () => post('POST https://a.example:8443/beacon?token=demo-token HTTP/1.1', [host]),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'the address of a tunnel',
    bytes: () => request('CONNECT gateway.example.com:443 HTTP/1.1', [host]),
    answers: [],
    goesOn: false,
  },
  {
    name: 'Expect: 100-continue',
    bytes: () => post(line, [host, token, 'Expect: 100-continue']),
    answers: [100, 201],
    goesOn: true,
  },
  {
    name: 'Expect: 100-CONTINUE in HTTP/1.0',
    bytes: () => post('POST /beacon HTTP/1.0', [token, 'Expect: 100-CONTINUE']),
    answers: [201],
  },
  { name: 'Expect that nobody knows', bytes: () => post(line, [host, token, 'Expect: much']), answers: [417] },
  {
    name: 'a letter behind its percent sign',
    bytes: () => post('POST /beac%6Fn HTTP/1.1', [host, token]),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'a percent sign alone in the query',
    bytes: () => post('POST /beacon?token=% HTTP/1.1', [host]),
    answers: [401],
    goesOn: true,
  },
  {
    name: 'a query that is no UTF-8',
    bytes: () => post('POST /beacon?token=%ff%fe HTTP/1.1', [host]),
    answers: [401],
    goesOn: true,
  },
  {
    name: 'a path that is no UTF-8',
    bytes: () => post('POST /beacon/%ff HTTP/1.1', [host, token]),
    answers: [404],
    goesOn: true,
  },
  {
    name: 'a percent sign alone in the path',
    bytes: () => post('POST /beacon% HTTP/1.1', [host, token]),
    answers: [404],
    goesOn: true,
  },
  {
    name: 'bytes beyond ASCII in the path',
    bytes: () => post('POST /b\u00e9acon HTTP/1.1', [host, token]),
    answers: [400],
  },
  {
    name: 'a token twice',
    bytes: () => post('POST /beacon?token=demo-token&token=x HTTP/1.1', [host]),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'a token as a list',
    bytes: () => post('POST /beacon?token[]=demo-token HTTP/1.1', [host]),
    answers: [401],
    goesOn: true,
  },
  {
    name: 'a query of 30 KB',
    bytes: () => post(`POST /beacon?${'a=b&'.repeat(7_500)}token=demo-token HTTP/1.1`, [host]),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'a body on GET',
    bytes: () => Buffer.concat([post('GET /healthz HTTP/1.1', [host]), beacon(event())]),
    answers: [200, 201],
    goesOn: true,
  },
  {
    name: 'a body on GET, in chunks',
    bytes: () => Buffer.concat([request('GET / HTTP/1.1', [host, te], '5\r\nhello\r\n0\r\n\r\n'), beacon(event())]),
    answers: [200, 201],
    goesOn: true,
  },
  {
    name: 'a body on GET of the path of events',
    bytes: () => Buffer.concat([post('GET /beacon HTTP/1.1', [host, token]), beacon(event())]),
    answers: [405, 201],
    goesOn: true,
  },
  {
    name: 'a body on OPTIONS',
    bytes: () => Buffer.concat([post('OPTIONS /beacon HTTP/1.1', [host]), beacon(event())]),
    answers: [204, 201],
    goesOn: true,
  },
  {
    name: 'a body on DELETE',
    bytes: () => Buffer.concat([post('DELETE /beacon HTTP/1.1', [host, token]), beacon(event())]),
    answers: [405, 201],
    goesOn: true,
  },
  { name: 'no body and no length', bytes: () => request(line, [host, token]), answers: [422], goesOn: true },
  { name: 'chunk extensions', bytes: () => inChunks(';a=b;c="d e"'), answers: [201], goesOn: true },
  { name: 'a chunk extension without value', bytes: () => inChunks(';a'), answers: [201], goesOn: true },
  {
    name: 'chunk extensions of 20 KB',
    bytes: () => inChunks(`;a=${'x'.repeat(20_000)}`),
    answers: [413],
    goesOn: false,
  },
  {
    name: 'sizes of chunks with zeros and capitals',
    bytes: () => {
      const body = event();
      return request(line, [host, token, te], `000${body.length.toString(16).toUpperCase()}\r\n${body}\r\n000\r\n\r\n`);
    },
    answers: [201],
    goesOn: true,
  },
  {
    name: 'trailers',
    bytes: () => inChunks('', 'X-Checksum: abc\r\nServer-Timing: a\r\n'),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'trailers that were announced',
    bytes: () => inChunks('', 'X-Checksum: abc\r\n', [host, token, te, 'Trailer: X-Checksum']),
    answers: [201],
    goesOn: true,
  },
  { name: 'a token in the trailers', bytes: () => inChunks('', `${token}\r\n`, [host, te]), answers: [401] },
  {
    name: 'chunks and a length',
    bytes: () => inChunks('', '', [host, token, te, 'Content-Length: 5']),
    answers: [400],
    goesOn: false,
  },
  {
    name: 'several requests at once',
    bytes: () => Buffer.concat([beacon(event()), chunked(event(), 50), beacon(event())]),
    answers: [201, 201, 201],
    goesOn: true,
  },
  {
    name: 'a line break behind the body',
    bytes: () => Buffer.concat([beacon(event()), Buffer.from('\r\n')]),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'a line break behind the body, and Connection: close',
    bytes: () => Buffer.concat([beacon(event(), ['Connection: close']), Buffer.from('\r\n\r\n')]),
    answers: [201],
  },
  {
    name: 'Connection: close',
    bytes: () => beacon(event(), ['Connection: close']),
    answers: [201],
    says: /\r\nConnection: close\r\n/i,
  },
  {
    name: 'Accept that takes no JSON',
    bytes: () => beacon(event(), ['Accept: text/html, image/*', 'Accept-Charset: x', 'Accept-Encoding: x']),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'Range and conditions',
    bytes: () => beacon(event(), ['Range: bytes=0-1', 'If-None-Match: *', 'If-Match: "x"']),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'fetch metadata of another site',
    bytes: () => beacon(event(), ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors', 'Sec-Purpose: prefetch']),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'cookies of 20 KB',
    bytes: () => beacon(event(), [`Cookie: ${'a=b; '.repeat(4_000)}`]),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'a hundred headers',
    bytes: () =>
      beacon(
        event(),
        Array.from({ length: 100 }, (_, i) => `X-${i}: ${i}`),
      ),
    answers: [201],
    goesOn: true,
  },
  {
    name: 'a header that is folded',
    bytes: () => beacon(event(), ['X-Folded: a\r\n b']),
    answers: [400],
    goesOn: false,
  },
  { name: 'Latin-1 in a header', bytes: () => beacon(event(), ['X-Name: Jos\u00e9']), answers: [201], goesOn: true },
  { name: 'an empty header', bytes: () => beacon(event(), ['X-Empty:', 'X-Blank:    ']), answers: [201], goesOn: true },
];

describe('on the wire:', ({ it, before, after }) => {
  let gateway: Gateway;
  before(async () => {
    gateway = await gatewayWith(config);
  });
  after(() => gateway.stop());

  for (const { name, bytes, answers, says, goesOn } of cases)
    it(`${name} is answered ${answers.join(', ') || 'nothing'}`, async () => {
      const final = answers.filter((status) => status >= 200).length;
      const { statuses, text } = await exchange(gateway.port, { bytes: [bytes()], answers: Math.max(1, final) });
      assert.equal(statuses, answers);
      if (says) assert.match(text, says);
      assert.ok(statuses.every((status) => status < 500 && (status < 300 || status >= 400)));
      if (goesOn === undefined) return;
      // Where the connection goes on, the next answer is that of the next request; else it is closed.
      const again = await exchange(gateway.port, { bytes: [bytes(), beacon(event())], answers: final + 1 });
      assert.equal(again.statuses, goesOn ? [...answers, 201] : answers);
    });

  it('requests that expect what nobody knows end their connection as others do where too many come at once', async () => {
    const many = Buffer.from(`GET / HTTP/1.1\r\n${host}\r\nExpect: much\r\n\r\n`.repeat(100));
    const { statuses } = await exchange(gateway.port, { bytes: [many], answers: 100, limitMs: 2000 });
    assert.is(statuses.at(-1), 400);
    assert.ok(statuses.length < 100);
  });
});
