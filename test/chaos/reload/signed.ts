import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { recognise } from '../events.ts';
import { journal } from '../ledger.ts';
import { closed, listening } from '../listen.ts';

/** A destination that takes only what is signed with one of its secrets. */
export interface Signed {
  /** From now on these secrets are right. */
  knows(...secrets: readonly string[]): void;
  /** How many requests it has taken. */
  taken(): number;
  /** Requests that no secret fitted. */
  readonly unsigned: readonly string[];
  close(): Promise<void>;
}

export async function openSigned(port: number, destination: string, record: string): Promise<Signed> {
  const { write } = journal(record);
  const unsigned: string[] = [];
  let secrets: readonly string[] = [];
  let requests = Date.now() * 1000 + 250;
  let taken = 0;
  const take = async (request: IncomingMessage): Promise<number> => {
    const body = await text(request);
    const headers = request.headers as Record<string, string>;
    if (!secrets.some((secret) => fits(secret, body, headers))) {
      unsigned.push(`${headers['webhook-id']} at ${new Date().toISOString()}`);
      return 401;
    }
    requests += 1;
    taken += 1;
    const delivery = { id: String(headers['webhook-id']), request: requests };
    const { data } = JSON.parse(body) as { data: { events: unknown[] } };
    write(...data.events.map((event) => ({ ...recognise(event), destination, delivery, at: Date.now() })));
    return 200;
  };
  const server = createServer(
    (request, response) =>
      void take(request).then(
        (status) => response.writeHead(status).end(),
        () => response.destroy(),
      ),
  );
  await listening(server, port);
  return {
    knows: (...known) => {
      secrets = known;
    },
    taken: () => taken,
    unsigned,
    close: () => closed(server),
  };
}

function fits(secret: string, body: string, headers: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}
