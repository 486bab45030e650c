import { good, type Input, length, line, one } from './pieces.ts';
import { beacon, chunked, host, request, token } from './wire.ts';

const raw = (name: string, answers: readonly number[], bytes: Buffer | string, end = true): Input => ({
  name,
  answers,
  sending: () => one(bytes, { end, answers: answers.length + 1, limitMs: 1_500 }),
});

const te = 'Transfer-Encoding: chunked';
const chunks = (text: string, headers: readonly string[] = [host, token, te]) => request(line, headers, text);
const inOne = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n0\r\n\r\n`;

/** HTTP that parsers read in more than one way, and protocols that are none. */
export const bent: readonly Input[] = [
  raw('chunks and a length of 0', [400], chunks('0\r\n\r\n', [host, token, 'Content-Length: 0', te])),
  raw('chunks with a blank before the colon', [400], chunks('0\r\n\r\n', [host, token, 'Transfer-Encoding : chunked'])),
  raw(
    'Transfer_Encoding, and a length',
    [201],
    request(line, [host, token, 'Transfer_Encoding: chunked', length(good())], good()),
  ),
  raw('the same length twice', [400], request(line, [host, token, 'Content-Length: 5', 'Content-Length: 5'], 'hello')),
  ...['+5', '5 5', '5;', "'5'", '٥'].map((text) =>
    raw(
      `a length of ${text}`,
      [400],
      Buffer.from(`${line}\r\n${host}\r\n${token}\r\nContent-Length: ${text}\r\n\r\nhello`),
    ),
  ),
  ...['0x5', ' 5', '+5', '5 ;', '5\u00a0'].map((size) =>
    raw(`a chunk of "${size}" bytes`, [400], chunks(`${size}\r\nhello\r\n0\r\n\r\n`)),
  ),
  raw('chunks that end in LF alone', [400], chunks('5\nhello\n0\n\n')),
  raw('a chunk longer than it says', [400], chunks('3\r\nhello\r\n0\r\n\r\n')),
  raw('a token in the trailers', [401], chunks(`5\r\nhello\r\n0\r\n${token}\r\n\r\n`, [host, te])),
  raw(
    'another length in the trailers',
    [400],
    chunks(inOne(good()).replace(/\r\n\r\n$/, '\r\nContent-Length: 1\r\n\r\n')),
  ),
  raw('trailers of 40 KB', [431], chunks(inOne(good()).replace(/\r\n\r\n$/, `\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`))),
  raw('chunks in HTTP/1.0', [201], request('POST /beacon HTTP/1.0', [host, token, te], inOne(good()))),
  raw('lines that end in CR alone', [400], `${line}\rHost: x\r\r`),
  raw('a lone CR in a header', [400], request(line, [host, 'X: a\rContent-Length: 5', length('')])),
  ...[
    'POST\t/beacon\tHTTP/1.1',
    'post /beacon HTTP/1.1',
    'POST /beacon HTTP/1.1 HTTP/1.1',
    'POST beacon HTTP/1.1',
    'POST /beacon http/1.1',
    'POST /beacon HTTP/1.',
    'POST /bea\u0000con HTTP/1.1',
  ].map((first) =>
    raw(
      `the first line "${first.replace('\t', '\\t').replace('\u0000', '\\0')}"`,
      [400],
      request(first, [host, token, length('')]),
    ),
  ),
  // As HTTP/0.9, in which there is no token.
  raw('a first line without a version', [401], 'POST /beacon\r\n\r\n'),
  raw('two blanks in the first line', [422], request('POST  /beacon HTTP/1.1', [host, token, length('')])),
  raw('empty lines before the first', [201], Buffer.concat([Buffer.from('\r\n\r\n'), beacon(good())])),
  raw('HTTP/1.0 without Host', [201], request('POST /beacon HTTP/1.0', [token, length(good())], good())),
  raw('a header name with a bracket', [400], request(line, [host, 'X(Y: 1', length('')])),
  raw('a header name outside ASCII', [400], request(line, [host, 'X\u00e9: 1', length('')])),
  raw('a request, and then garbage', [400], Buffer.concat([beacon(good()), Buffer.from('garbage\r\n\r\n')])),
  raw('a request within the body of another', [422], beacon(`GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n`)),
  raw('a request, and half of the next', [201], Buffer.concat([beacon(good()), beacon(good()).subarray(0, 60)]), false),
  raw('a request in chunks, and one behind it', [201, 201], Buffer.concat([chunked(good(), 9), beacon(good())])),
  raw(
    'an unknown token, and a good request behind its body',
    [401, 201],
    Buffer.concat([request(line, [host, 'X-Storefront-Access-Token: no', length('hello')], 'hello'), beacon(good())]),
  ),
  raw(
    'Connection: the name of the token’s header',
    [201],
    beacon(good(), ['Connection: close, X-Storefront-Access-Token']),
  ),
  raw(
    'an upgrade to HTTP/2',
    [201],
    beacon(good(), ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']),
  ),
  raw(
    'an upgrade to WebSocket, with an event',
    [201],
    beacon(good(), [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: AAAA',
      'Sec-WebSocket-Version: 13',
    ]),
  ),
  raw(
    'Expect: 100-continue, and 5 MB to come',
    [100, 413, 400],
    request(line, [host, token, 'Expect: 100-continue', 'Content-Length: 5242880']),
  ),
  raw(
    'HTTP/2 after a request',
    [400],
    Buffer.concat([beacon(good()), Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')]),
  ),
  raw(
    'the line of a proxy before the request',
    [400],
    Buffer.concat([Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n'), beacon(good())]),
  ),
  raw(
    'the bytes of a proxy before the request',
    [400],
    Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex'), beacon(good())]),
  ),
  raw('HELO', [400], 'HELO evil.example\r\n'),
  raw('an SSH greeting', [400], 'SSH-2.0-OpenSSH_9.0\r\n'),
  raw('a Redis command', [400], '*1\r\n$4\r\nPING\r\n'),
  raw('a SOCKS greeting', [400], Buffer.from([5, 1, 0])),
  raw('RTSP', [204], 'OPTIONS rtsp://x/beacon RTSP/1.0\r\nCSeq: 1\r\n\r\n'),
  raw('nothing at all', [], ''),
  ...['PUT', 'DELETE', 'PATCH', 'PROPFIND', 'PURGE', 'M-SEARCH', 'QUERY', 'GET'].map((method) =>
    raw(
      `${method} with the body of an event`,
      [405],
      request(`${method} /beacon HTTP/1.1`, [host, token, length(good())], good()),
    ),
  ),
  raw('HEAD', [405], request('HEAD /beacon HTTP/1.1', [host, token])),
  raw('a method in a header', [201], beacon(good(), ['X-HTTP-Method-Override: DELETE', 'X-Method-Override: GET'])),
];
