import { connect, type Socket } from 'node:net';

/** What became of a request: an answer, the end of the connection instead of one, or neither within the time. */
export type Seen =
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** Status line and headers. */
      readonly head: string;
      readonly body: string;
      /** Bytes behind the answer, where there should be none. */
      readonly surplus: number;
    }
  | { readonly kind: 'closed' }
  | { readonly kind: 'silent' };

export interface Order {
  /** Written one after the other. */
  readonly pieces: readonly (Buffer | string)[];
  /** Ends our half of the connection behind them. */
  readonly end?: boolean;
  readonly limitMs?: number;
}

/** A client that says exactly the bytes it is told to, one request at a time, on a connection that it keeps as long as it can. */
export interface RawClient {
  send(order: Order): Promise<Seen>;
  close(): void;
}

export function rawClient(port: number): RawClient {
  let socket: Socket | undefined;
  let heard: Buffer = Buffer.alloc(0);
  let onNews = (_over: boolean): void => {};

  const opened = (): Socket => {
    if (socket !== undefined) return socket;
    const fresh = connect({ port, host: '127.0.0.1', noDelay: true });
    heard = Buffer.alloc(0);
    fresh.on('data', (chunk: Buffer) => {
      heard = heard.length === 0 ? chunk : Buffer.concat([heard, chunk]);
      onNews(false);
    });
    fresh.on('error', () => {});
    fresh.on('close', () => {
      if (socket === fresh) socket = undefined;
      onNews(true);
    });
    socket = fresh;
    return fresh;
  };
  const drop = (): void => {
    const old = socket;
    socket = undefined;
    old?.removeAllListeners('close').destroy();
  };

  return {
    send: ({ pieces, end = false, limitMs = 20_000 }) =>
      new Promise((resolve) => {
        const connection = opened();
        const finish = (seen: Seen, keep: boolean) => {
          clearTimeout(limit);
          onNews = () => {};
          heard = Buffer.alloc(0);
          if (!keep) drop();
          resolve(seen);
        };
        const limit = setTimeout(() => finish({ kind: 'silent' }, false), limitMs);
        onNews = (over) => {
          const answer = answerIn(heard, over);
          if (answer)
            finish(answer, !end && !over && answer.surplus === 0 && !/^connection: close/im.test(answer.head));
          else if (over) finish({ kind: 'closed' }, false);
        };
        for (const piece of pieces) connection.write(piece);
        if (end) connection.end();
      }),
    close: drop,
  };
}

const BREAK = Buffer.from('\r\n\r\n');

/** The first final answer, once all of it is there. */
function answerIn(bytes: Buffer, over: boolean): (Seen & { kind: 'answered' }) | undefined {
  for (let from = 0; ; ) {
    const headEnd = bytes.indexOf(BREAK, from);
    if (headEnd < 0) return undefined;
    const head = bytes.toString('latin1', from, headEnd);
    const status = Number(head.slice(9, 12));
    from = headEnd + 4;
    if (status < 200) continue;
    const end = endOfBody(bytes, from, { head, status, over });
    if (end === undefined || bytes.length < end) return undefined;
    return { kind: 'answered', status, head, body: bytes.toString('utf8', from, end), surplus: bytes.length - end };
  }
}

const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/** Where the body that begins here ends; undefined while nobody can say. */
function endOfBody(
  bytes: Buffer,
  from: number,
  { head, status, over }: { readonly head: string; readonly status: number; readonly over: boolean },
): number | undefined {
  const stated = /^content-length: (\d+)/im.exec(head)?.[1];
  if (stated !== undefined) return from + Number(stated);
  if (status === 204) return from;
  const last = /^transfer-encoding: chunked/im.test(head) ? bytes.indexOf(LAST_CHUNK, from) : -1;
  if (last >= 0) return last + LAST_CHUNK.length;
  return over ? bytes.length : undefined;
}

/** A number from the headers of an answer; 0 where it is not there. */
export const countOf = (head: string, what: 'Accepted' | 'Rejected' | 'Duplicate'): number => {
  const name = `X-Events-${what}: `;
  const at = head.indexOf(name);
  return at < 0 ? 0 : Number.parseInt(head.slice(at + name.length, at + name.length + 9), 10);
};
