import { connect, type Socket } from 'node:net';

/** What came back for bytes that were sent: the statuses of all answers in order, or that there was none. */
export interface Exchange {
  readonly statuses: readonly number[];
  readonly text: string;
  /** Milliseconds to the first answer, or to the end where there was none. */
  readonly ms: number;
}

export interface Sending {
  /** Written one after the other, as fast as they are taken. */
  readonly bytes: readonly (Buffer | string)[];
  /** Ends our half once all is written. */
  readonly end?: boolean;
  /** How many answers to wait for; it is also over when the connection is. */
  readonly answers?: number;
  readonly limitMs?: number;
}

/** Sends bytes as they are and reads what comes, until there are as many answers as wanted, or the connection ends. */
export function exchange(port: number, sending: Sending): Promise<Exchange> {
  const { bytes, end = false, answers = 1, limitMs = 15_000 } = sending;
  return new Promise((resolve) => {
    const started = performance.now();
    let first: number | undefined;
    let text = '';
    const socket = connect(port, '127.0.0.1', () => void write(socket, bytes, end));
    const finish = () => {
      clearTimeout(limit);
      socket.destroy();
      resolve({ statuses: statusesIn(text), text, ms: first ?? performance.now() - started });
    };
    const limit = setTimeout(finish, limitMs);
    socket.on('data', (chunk) => {
      first ??= performance.now() - started;
      text += chunk.toString('latin1');
      if (statusesIn(text).filter((status) => status >= 200).length >= answers) finish();
    });
    socket.on('error', () => {});
    socket.on('close', finish);
  });
}

const statusesIn = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

async function write(socket: Socket, bytes: readonly (Buffer | string)[], end: boolean): Promise<void> {
  for (const piece of bytes) {
    if (socket.destroyed) return;
    if (!socket.write(piece)) {
      await new Promise<void>((resolve) => {
        socket.once('drain', resolve);
        socket.once('close', resolve);
      });
    }
  }
  if (end) socket.end();
}

/** A request as bytes. Headers are written as they are given, whatever they are. */
export function request(line: string, headers: readonly string[], body: Buffer | string = ''): Buffer {
  return Buffer.concat([Buffer.from(`${[line, ...headers].join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]);
}

export const token = 'X-Storefront-Access-Token: demo-token';
export const host = 'Host: gateway.example.com';

/** A beacon with its length stated. */
export function beacon(body: Buffer | string, headers: readonly string[] = []): Buffer {
  const bytes = Buffer.from(body);
  return request('POST /beacon HTTP/1.1', [host, token, ...headers, `Content-Length: ${bytes.length}`], bytes);
}

/** A beacon in chunks of this size. */
export function chunked(body: Buffer | string, size: number, headers: readonly string[] = []): Buffer {
  const bytes = Buffer.from(body);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, at + size);
    chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  const head = request('POST /beacon HTTP/1.1', [host, token, ...headers, 'Transfer-Encoding: chunked']);
  return Buffer.concat([head, ...chunks, Buffer.from('0\r\n\r\n')]);
}

/** What the contract of Glood asks for. */
export const gloodHeaders: readonly string[] = ['Authorization: Bearer demo-token', 'X-Shop: demo.myshopify.com'];
