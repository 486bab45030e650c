import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Mark } from '../events.ts';
import { type Certificate, certificates } from './certificates.ts';

/** A request that has been read, and how many came before it. */
export interface Exchange {
  readonly socket: Socket;
  readonly response: ServerResponse;
  readonly events: readonly Mark[];
  readonly before: number;
  /** Writes its events down as arrived: said by those who answer that they have them. */
  readonly take: () => void;
}

/** What is wrong with a destination, for as long as it is sick. */
export interface Fault {
  /** Nobody listens. */
  readonly closed?: boolean;
  /** Meets each connection before anything of it is read. */
  readonly connect?: (socket: Socket) => void;
  /** Answers each request, or not. */
  readonly answer?: (exchange: Exchange) => void;
  /** What it shows instead of a certificate that is in order. */
  readonly certificate?: Certificate;
  /** How long the gateway is to have patience with it; as long as it has by default, if absent. */
  readonly timeoutSeconds?: number;
}

type Headers = Readonly<Record<string, string>>;

/** Where the gateway has to give up, so that it does so soon. */
export const TIMEOUT_SECONDS = 3;
export const hasty = { timeoutSeconds: TIMEOUT_SECONDS };

export const closed: Fault = { closed: true };
export const deaf: Fault = { ...hasty, connect: (socket) => void socket.resume() };
export const resetAtOnce: Fault = { connect: (socket) => void socket.resetAndDestroy() };
export const resetAfterRequest: Fault = { answer: ({ socket }) => void socket.resetAndDestroy() };
export const resetInAnswer: Fault = {
  answer: ({ socket }) => void socket.write(head(200, { 'content-length': '1000' }, 'half'), () => breakOff(socket)),
};
/** Says nothing more and listens on. */
export const halfClosed: Fault = { answer: ({ socket }) => void socket.end() };

/** One byte a second: of the headers, or of the body behind them. */
export const drip = (part: 'headers' | 'body'): Fault => ({
  ...hasty,
  answer({ socket }) {
    const text = head(200, { 'content-length': '1000000' });
    if (part === 'body') socket.write(text);
    let next = 0;
    const drops = setInterval(() => {
      socket.write(part === 'body' ? '.' : (text[next] ?? '.'));
      next += 1;
    }, 1000);
    socket.once('close', () => clearInterval(drops));
  },
});

export const status = (code: number, headers: Headers = {}, body = 'no'): Fault => ({
  answer: ({ response }) => void response.writeHead(code, headers).end(body),
});

/** Takes the events and says something else than a plain 200. */
export const taken = (code: number, headers: Headers, body: string | Buffer): Fault => ({
  answer({ response, take }) {
    take();
    response.writeHead(code, headers).end(body);
  },
});

/** 503 with a date as Retry-After. */
export const untilDate = (seconds: number): Fault => ({
  answer({ response }) {
    const date = new Date(Date.now() + seconds * 1000).toUTCString();
    response.writeHead(503, { 'retry-after': date }).end('later');
  },
});

/** Refuses requests with an event that it does not like, and takes all others. */
export const dislikes = (code: number, disliked: (mark: Mark) => boolean): Fault => ({
  answer({ response, events, take }) {
    if (events.some(disliked)) return void response.writeHead(code).end('there is one that I cannot take');
    take();
    response.writeHead(200).end();
  },
});

/** A body without end, as fast as it is read. */
export const endless = (code: number): Fault => ({
  answer({ response, take }) {
    if (code === 200) take();
    response.writeHead(code, { 'content-length': String(10 * 1024 ** 3) });
    pour(response, Buffer.alloc(64 * 1024, 'x'));
  },
});

/** These bytes instead of an answer. */
export const raw = (text: string, { end = false, ...more }: Fault & { end?: boolean } = {}): Fault => ({
  ...more,
  answer({ socket }) {
    socket.write(text, 'latin1');
    if (end) socket.end();
  },
});

/** HTTP/1.0, without a length: the answer ends with its connection. */
export const oldHttp: Fault = {
  answer({ socket, take }) {
    take();
    socket.end('HTTP/1.0 200 OK\r\n\r\nas long as it lasts');
  },
};

/** All that may come before an answer, though nobody asked for it. */
export const hints: Fault = {
  answer({ response, take }) {
    take();
    response.writeContinue();
    response.writeProcessing();
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    response.writeHead(200).end();
  },
};

/** A second answer, which belongs to no request. */
export const twice: Fault = {
  answer({ socket, response, take }) {
    take();
    response.writeHead(200, { 'content-length': '2' }).end('ok', () => socket.write(whole(200)));
  },
};

/** 100 Continue, again and again, and never an answer. */
export const continuing: Fault = {
  ...hasty,
  answer({ socket }) {
    const words = setInterval(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 100);
    socket.once('close', () => clearInterval(words));
  },
};

/** Speaks before it is asked, and not HTTP. */
export const greeting = (text: string): Fault => ({
  connect(socket) {
    socket.resume();
    socket.write(text);
  },
});

/** Well for a second of every ten. */
export const flapping: Fault = {
  answer({ socket, response, take }) {
    if (Date.now() % 10_000 >= 1000) return void socket.resetAndDestroy();
    take();
    response.writeHead(200).end();
  },
};

/** From 100 ms up to 30 s, each answer three times as slow as the one before. */
export const slower: Fault = {
  timeoutSeconds: 6,
  answer({ socket, response, before, take }) {
    const timer = setTimeout(
      () => {
        if (socket.destroyed) return;
        take();
        response.writeHead(200).end();
      },
      Math.min(100 * 3 ** before, 30_000),
    );
    socket.once('close', () => clearTimeout(timer));
  },
};

export const shows = (name: keyof typeof certificates): Fault => ({ certificate: certificates[name] });

/** A gigabyte of zeros, in a megabyte: a part of it is packed once and said 32 times. */
const packed = (): Buffer => Buffer.concat(Array<Buffer>(32).fill(gzipSync(Buffer.alloc(32 * 1024 ** 2))));

/** Packed beforehand, since that takes a while. */
export const bomb = (body: Buffer = packed()): Fault => ({
  answer({ response, take }) {
    take();
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(body);
  },
});

/** The beginning of an answer, as it goes over the wire. */
export const head = (code: number, headers: Headers, body = ''): string =>
  [`HTTP/1.1 ${code} So`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', body].join(
    '\r\n',
  );

export const whole = (code: number): string => head(code, { 'content-length': '2' }, 'ok');

function breakOff(socket: Socket): void {
  socket.resetAndDestroy();
}

function pour(response: ServerResponse, chunk: Buffer): void {
  while (!response.destroyed && response.write(chunk));
  if (!response.destroyed) response.once('drain', () => pour(response, chunk));
}
