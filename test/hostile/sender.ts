import { Agent, request } from 'node:http';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Sends so many requests a second for so long, without waiting for answers; gives what came back. */
export async function steadily(perSecond: number, seconds: number, send: () => Promise<Sent>): Promise<Sent[]> {
  const started = performance.now();
  const sent: Promise<Sent>[] = [];
  while (performance.now() - started < seconds * 1_000) {
    const due = ((performance.now() - started) / 1_000) * perSecond;
    while (sent.length < due) sent.push(send());
    await pause(5);
  }
  return Promise.all(sent);
}

export interface Sent {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly ms: number;
}

/** A storefront with connections of its own, which it keeps. */
export function sender(port: number, token: string, body: () => string): () => Promise<Sent> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return () =>
    new Promise((resolve, reject) => {
      const started = performance.now();
      const bytes = Buffer.from(body());
      const headers = { 'x-storefront-access-token': token, 'content-length': bytes.length };
      request({ port, host: '127.0.0.1', method: 'POST', path: '/beacon', headers, agent }, (response) => {
        response.resume().on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            retryAfter: response.headers['retry-after'],
            ms: performance.now() - started,
          }),
        );
      })
        .on('error', reject)
        .end(bytes);
    });
}
