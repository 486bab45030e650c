import { type Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface Order {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly agent: Agent;
  /**
   * Sends the headers alone and the body only when the server has said 100 Continue, which proves that the headers have arrived;
   * called then, and the body waits for it.
   */
  readonly onContinue?: () => void | Promise<void>;
}

export type Reply =
  | { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }
  /** No connection came about, so nothing can have arrived. */
  | { readonly unreached: string }
  /** Anything may have happened. `continued`: 100 Continue had come, so the headers had arrived. */
  | { readonly broken: string; readonly continued: boolean };

const answerMs = 10_000;

/** POSTs, and never rejects. Only an answer that was read to its end counts as one. `limitMs`: how long nothing may move. */
export function post({ port, path, headers, body, agent, onContinue }: Order, limitMs = answerMs): Promise<Reply> {
  return new Promise((resolve) => {
    let continued = false;
    const broken = (error: Error & { code?: string }) =>
      resolve(error.code === 'ECONNREFUSED' ? { unreached: error.message } : { broken: error.message, continued });
    const outgoing = request({
      port,
      host: '127.0.0.1',
      path,
      method: 'POST',
      agent,
      headers: {
        'content-type': 'application/json',
        ...headers,
        'content-length': Buffer.byteLength(body),
        ...(onContinue && { expect: '100-continue' }),
      },
    });
    outgoing.once('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', broken);
      answer.once('end', () => {
        if (!answer.complete) return resolve({ broken: 'answer cut short', continued });
        const { statusCode: status = 0, headers } = answer;
        resolve({ status, headers, body: Buffer.concat(chunks).toString() });
      });
    });
    outgoing.once('error', broken);
    outgoing.setTimeout(limitMs, () => outgoing.destroy(new Error(`no answer within ${limitMs} ms`)));
    if (onContinue === undefined) return void outgoing.end(body);
    outgoing.once('continue', () => {
      continued = true;
      void Promise.resolve(onContinue()).then(() => outgoing.end(body));
    });
    outgoing.flushHeaders();
  });
}

/** For events of the Layers dialect. */
export const layersOrder = (token: string, events: readonly object[]) => ({
  path: '/beacon',
  headers: { 'x-storefront-access-token': token },
  body: JSON.stringify({ events }),
});

/** For one event of the Glood dialect. */
export const gloodOrder = (shop: string, token: string, body: object) => ({
  path: '/api/storefront/v3/headless/events',
  headers: { authorization: `Bearer ${token}`, 'x-shop': shop },
  body: JSON.stringify(body),
});
