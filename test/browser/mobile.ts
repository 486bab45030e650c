import { request } from 'node:https';
import type { Clock } from '../../server/base/clock.ts';
import { certificate } from '../support/certificate.ts';

/** An HTTP stack of a phone, by the User-Agent that it sends where the app sets none. */
export type Stack = 'okhttp/4.12.0' | 'Shop/41 CFNetwork/1498.700.2 Darwin/23.6.0';

export interface Post {
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Sends what an app sends, over the network on this port: no Origin, no preflight. Gives the status; throws where there is no answer. */
export function postFromPhone(port: number, stack: Stack, { host, path, headers, body }: Post): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        port,
        host: '127.0.0.1',
        servername: host,
        path,
        method: 'POST',
        agent: false,
        headers: { host, 'user-agent': stack, 'content-type': 'application/json; charset=utf-8', ...headers },
        ca: certificate.cert,
        // The certificate is that of another host.
        checkServerIdentity: () => undefined,
      },
      (answer) => {
        answer.on('error', reject);
        answer.on('end', () => resolve(answer.statusCode ?? 0));
        answer.resume();
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

/** When Glood's SDK tries again, as its documentation says. */
export const RETRIES_MS = [1000, 2000, 4000, 8000] as const;

/** Sends until there is a 2xx, and gives how many attempts that took. Throws what the last one threw. */
export async function patiently(send: () => Promise<number>, clock: Clock): Promise<number> {
  const never = new AbortController().signal;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const status = await send();
      if (status < 300) return attempt;
      throw new Error(`HTTP ${status}`);
    } catch (error) {
      const wait = RETRIES_MS[attempt - 1];
      if (wait === undefined) throw error;
      await clock.sleep(wait, never);
    }
  }
}
