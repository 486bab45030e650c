import { Agent, request } from 'node:http';

/** For gateways of the scenarios; nobody else can reach them. */
export const ADMIN_TOKEN: string = 'admin-token-of-a-scenario'.padEnd(32, '-');

/** The admin API of a gateway, over connections that stay open. */
export interface Admin {
  /** The answer of a GET. Throws where it is not 200. */
  ask<T>(path: string): Promise<T>;
  /** A POST, with its input. Throws where the answer is not 2xx. */
  order(path: string, input?: object): Promise<void>;
  close(): void;
}

export function openAdmin(port: number, connections = 1): Admin {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const call = (method: 'GET' | 'POST', path: string, body = '') =>
    new Promise<string>((resolve, reject) => {
      const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
      const asked = request({ method, port, host: '127.0.0.1', path: `/admin${path}`, agent, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.once('error', reject);
        answer.once('end', () => {
          const text = Buffer.concat(chunks).toString();
          const { statusCode: status = 0 } = answer;
          if (method === 'GET' ? status === 200 : status >= 200 && status < 300) resolve(text);
          else reject(new Error(`expected success from ${method} /admin${path}, got ${status}: ${text}`));
        });
      });
      asked.setTimeout(30_000, () => asked.destroy(new Error(`no answer from ${method} /admin${path} within 30 s`)));
      asked.once('error', reject);
      asked.end(body);
    });
  return {
    ask: async <T>(path: string) => JSON.parse(await call('GET', path)) as T,
    order: async (path, input = {}) => void (await call('POST', path, JSON.stringify(input))),
    close: () => agent.destroy(),
  };
}
