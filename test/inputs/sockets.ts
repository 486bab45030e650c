import { gzipSync } from 'node:zlib';
import { bytes, layersExample } from './requests.ts';
import type { Row, Sent } from './row.ts';

const one = { event_id: 'event-1' };
const BODY = JSON.stringify({ events: [layersExample()] });
const other = (id: string): string => JSON.stringify({ events: [layersExample({ event_id: id })] });
const length = (body: string): string => `Content-Length: ${Buffer.byteLength(body)}`;
const HEAD = 'POST /beacon?token={token} HTTP/1.1\nHost: events.example.com\nContent-Type: application/json';
const whole = (body: string, more = ''): string =>
  `${HEAD}\n${length(body)}${more}`.replaceAll('\n', '\r\n').concat('\r\n\r\n', body);
const chunked = (...pieces: string[]): string =>
  pieces
    .map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`)
    .join('')
    .concat('0\r\n\r\n');
const says = { events: [layersExample()] };

/** One request in these pieces, 20 ms apart. */
const pieces = (...raw: (string | Buffer)[]): Sent => ({ speaks: 'layers', raw, says });

export const sockets: readonly Row[] = [
  {
    name: 'bytes of a plain client',
    source: 'devices without a library',
    sends: bytes(`${HEAD}\n${length(BODY)}`, BODY, { says }),
    event: one,
  },
  {
    name: 'header names in any case, with tabs and blanks',
    source: 'RFC 9110; legacy routers',
    sends: bytes(
      `POST /beacon HTTP/1.1\nHOST: x\nx-STOREFRONT-access-TOKEN: \t {token} \t\ncontent-TYPE:application/json\ncontent-LENGTH: ${BODY.length}`,
      BODY,
      { says },
    ),
    event: one,
  },
  {
    name: 'HTTP/1.0 without a host',
    source: 'old balancers, ApacheBench',
    sends: bytes(`POST /beacon?token={token} HTTP/1.0\nContent-Type: application/json\n${length(BODY)}`, BODY, {
      says,
    }),
    event: one,
  },
  {
    name: 'no Content-Type at all',
    source: 'devices without a library',
    sends: bytes(`POST /beacon?token={token} HTTP/1.1\nHost: x\n${length(BODY)}`, BODY, { says }),
    event: one,
  },
  {
    name: 'an address in absolute form',
    source: 'RFC 9112: what proxies send',
    sends: bytes(
      `POST http://events.example.com/beacon?token={token} HTTP/1.1\nHost: events.example.com\n${length(BODY)}`,
      BODY,
      { says },
    ),
    event: one,
  },
  {
    name: 'an address in absolute form with //beacon',
    source: 'a proxy and a base address that ends in /',
    sends: bytes(
      `POST http://events.example.com//beacon?token={token} HTTP/1.1\nHost: events.example.com\n${length(BODY)}`,
      BODY,
      { says },
    ),
    event: one,
  },
  {
    name: 'a body in chunks',
    source: 'fetch with a stream, Go, Java',
    sends: bytes(`${HEAD}\nTransfer-Encoding: chunked`, chunked(BODY.slice(0, 30), BODY.slice(30)), { says }),
    event: one,
  },
  {
    name: 'a body in chunks with extensions and trailers',
    source: 'RFC 9112, 7.1',
    sends: bytes(
      `${HEAD}\nTransfer-Encoding: chunked\nTrailer: X-Sum`,
      `${BODY.length.toString(16)};name=value\r\n${BODY}\r\n0\r\nX-Sum: 1\r\n\r\n`,
      { says },
    ),
    event: one,
  },
  {
    name: 'gzip in chunks',
    source: 'Java and Go clients',
    sends: (() => {
      const body = gzipSync(BODY);
      const chunk = Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]);
      return bytes(`${HEAD}\nContent-Encoding: gzip\nTransfer-Encoding: chunked`, chunk, { says });
    })(),
    event: one,
  },
  {
    name: 'a client that waits to be told to go on',
    source: 'curl with a body over 1 KB: Expect: 100-continue',
    sends: pieces(`${HEAD}\n${length(BODY)}\nExpect: 100-continue`.replaceAll('\n', '\r\n').concat('\r\n\r\n'), BODY),
    event: one,
  },
  {
    name: 'a body whose first bytes come one by one',
    source: 'phones at the edge of a network',
    sends: pieces(whole(BODY).slice(0, -BODY.length), ...BODY.slice(0, 3), BODY.slice(3)),
    event: one,
  },
  {
    name: 'a request in five pieces',
    source: 'phones at the edge of a network',
    sends: pieces(...cut(whole(BODY), 5)),
    event: one,
  },
  {
    name: 'an umlaut cut in two',
    source: 'packets end where they like',
    sends: (() => {
      const body = Buffer.from(JSON.stringify({ events: [layersExample({ query: 'ö' })] }));
      const at = body.indexOf(0xb6);
      const head = `${HEAD}\nContent-Length: ${body.length}`.replaceAll('\n', '\r\n').concat('\r\n\r\n');
      return {
        ...pieces(head, body.subarray(0, at), body.subarray(at)),
        says: { events: [layersExample({ query: 'ö' })] },
      };
    })(),
    event: { query: 'ö' },
  },
  {
    name: 'two requests on one connection',
    source: 'keep-alive',
    sends: { ...pieces(whole(BODY), whole(other('event-2'))), answers: 2 },
    events: [one, { event_id: 'event-2' }],
  },
  {
    name: 'three requests in one piece',
    source: 'pipelining of routers',
    sends: { speaks: 'layers', raw: whole(BODY) + whole(other('event-2')) + whole(other('event-3')), answers: 3 },
    events: [one, { event_id: 'event-2' }, { event_id: 'event-3' }],
  },
  {
    name: 'a refused request, then a good one on the same connection',
    source: 'keep-alive after an error',
    sends: { speaks: 'layers', raw: [whole('{'), whole(BODY)], answers: 2 },
    answer: [{ status: 422 }, { status: 201, body: 'null' }],
    event: one,
    refused: [{ code: 'not_json', reason: /not JSON/ }],
  },
  {
    name: 'Connection: close',
    source: 'Heroku’s older router, PHP',
    sends: { speaks: 'layers', raw: whole(BODY, '\nConnection: close'), says },
    answer: { status: 201, body: 'null', headers: { connection: 'close' } },
    event: one,
  },
  {
    name: 'an empty line before the request',
    source: 'old clients end a body with CR LF',
    sends: { speaks: 'layers', raw: `\r\n${whole(BODY)}`, says },
    event: one,
  },
  {
    name: 'a header that came twice',
    source: 'proxies that add what is there',
    sends: {
      speaks: 'layers',
      raw: whole(BODY, '\nX-Requested-With: XMLHttpRequest\nX-Requested-With: co.tapcart.app.id_1'),
      says,
    },
    event: { shopping_channel: 'app' },
  },
  {
    name: 'Content-Type twice',
    source: 'proxies that add what is there',
    sends: { speaks: 'layers', raw: whole(BODY, '\nContent-Type: text/plain'), says },
    event: one,
  },
  {
    name: 'two hosts',
    source: 'request smuggling',
    sends: { speaks: 'layers', raw: whole(BODY, '\nHost: other.example.com') },
    answer: { status: 400 },
  },
  {
    name: 'a length and chunks',
    source: 'request smuggling',
    sends: { speaks: 'layers', raw: whole(BODY, '\nTransfer-Encoding: chunked') },
    answer: { status: 400 },
  },
  {
    name: 'two lengths',
    source: 'request smuggling',
    sends: { speaks: 'layers', raw: whole(BODY, '\nContent-Length: 3') },
    answer: { status: 400 },
  },
  {
    name: 'a length that is none',
    source: 'templates',
    sends: bytes(`${HEAD}\nContent-Length: undefined`, BODY),
    answer: { status: 400 },
  },
  {
    name: 'a header with a line break of its own',
    source: 'header injection',
    sends: bytes(`${HEAD}\nX-A: b\n c\n${length(BODY)}`, BODY),
    answer: { status: 400 },
  },
  {
    name: 'TLS to a plain port',
    source: 'https:// with the wrong port',
    sends: { speaks: 'other', raw: Buffer.from('16030100c8010000c40303', 'hex') },
    answer: { status: 400 },
  },
  {
    name: 'a method of nobody',
    source: 'scanners',
    sends: bytes('BREW /beacon HTTP/1.1\nHost: x\nContent-Length: 0'),
    answer: { status: 400 },
  },
  {
    name: 'a preface of HTTP/2',
    source: 'clients with prior knowledge',
    sends: { speaks: 'other', raw: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
    answer: { status: 400 },
  },
];

function cut(text: string, count: number): string[] {
  const size = Math.ceil(text.length / count);
  return Array.from({ length: count }, (_, at) => text.slice(at * size, (at + 1) * size));
}
