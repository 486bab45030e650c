import { Agent, request } from 'node:http';

/** For gateways of the scenarios; nobody else can reach them. */
export const ADMIN_TOKEN: string = 'admin-token-of-a-scenario'.padEnd(32, '-');

/** The admin API of a gateway, over connections that stay open. */
export interface Admin {
  /** The answer of a GET. Throws where it is not 200. */
  ask<T>(path: string): Promise<T>;
  close(): void;
}

export function openAdmin(port: number, connections = 1): Admin {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    ask: <T>(path: string) =>
      new Promise<T>((resolve, reject) => {
        const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
        const asked = request({ port, host: '127.0.0.1', path: `/admin${path}`, agent, headers }, (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.once('error', reject);
          answer.once('end', () => {
            const text = Buffer.concat(chunks).toString();
            if (answer.statusCode === 200) resolve(JSON.parse(text) as T);
            else reject(new Error(`expected 200 from GET /admin${path}, got ${answer.statusCode}: ${text}`));
          });
        });
        asked.setTimeout(30_000, () => asked.destroy(new Error(`no answer from GET /admin${path} within 30 s`)));
        asked.once('error', reject);
        asked.end();
      }),
    close: () => agent.destroy(),
  };
}
