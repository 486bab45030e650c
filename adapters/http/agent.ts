import { lookup as systemLookup } from 'node:dns';
import { type ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { fairLookup } from './names.ts';
import { AddressRefused, kindOf, publicOnly } from './ssrf.ts';

/** How names become addresses and addresses become sockets; tests lend their own. */
export interface Network {
  readonly lookup: LookupFunction;
  /** Default: as https does. */
  readonly connect?: (options: ConnectionOptions) => Socket;
}

// One for all destinations, since they share the places that the process has for look-ups.
export const systemNetwork: Network = { lookup: fairLookup(systemLookup as LookupFunction) };

// Many servers let go of an idle connection after 5 s. Letting go first spares a request that dies on a closed one.
const keep = { keepAlive: true, maxFreeSockets: 2, timeout: 4_000 };

// A server may send a few (100, 103) before its answer. One that sends them without end would keep a core busy until the time is over.
const INTERIM_ANSWERS = 16;

/** Keeps connections to one host; idle ones do not keep the process alive. It may connect to any address. */
export const openAgent = (url: string, { lookup }: Network): HttpAgent =>
  patient(/^https:/i.test(url) ? new HttpsAgent({ ...keep, lookup }) : new HttpAgent({ ...keep, lookup }));

/** The same for https, to public addresses only: checked when the name is resolved, and again on the connected socket. */
export function publicAgent({ lookup, connect }: Network): HttpsAgent {
  const agent = patient(new HttpsAgent({ ...keep, lookup: publicOnly(lookup) }));
  const plain = connect ?? agent.createConnection.bind(agent);
  agent.createConnection = (options) => {
    const socket = plain(options as ConnectionOptions) as Socket;
    // Added before anyone else's listener, so that nothing is written to a peer that should not see it.
    socket.prependOnceListener('connect', () => {
      const peer = socket.remoteAddress ?? 'an unknown address';
      if (kindOf(peer) !== 'public') socket.destroy(new AddressRefused('the connected peer', peer));
    });
    return socket;
  };
  return agent;
}

/** Ends a request at too many interim answers. Each has at most 16 KB of headers, so their bytes are bounded too. */
function patient<A extends HttpAgent>(agent: A): A {
  const requests = agent as A & { addRequest(request: ClientRequest, ...rest: unknown[]): void };
  const add = requests.addRequest.bind(agent);
  requests.addRequest = (request, ...rest) => {
    let interim = 0;
    request.on('information', () => {
      interim += 1;
      if (interim > INTERIM_ANSWERS)
        request.destroy(new Error(`more than ${INTERIM_ANSWERS} interim answers (1xx) and no answer`));
    });
    add(request, ...rest);
  };
  return agent;
}
