import { lookup as systemLookup } from 'node:dns';
import { type ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { fairLookup } from './names.ts';
import { AddressRefused, kindOf, publicOnly } from './ssrf.ts';

/** Name resolution and connections; tests replace them. */
export interface Network {
  readonly lookup: LookupFunction;
  /** The default is that of https. */
  readonly connect?: (options: ConnectionOptions) => Socket;
}

// One for all destinations: they share the process's threads for look-ups.
export const systemNetwork: Network = { lookup: fairLookup(systemLookup as LookupFunction) };

// Many servers close an idle connection after 5 s. Closing it first avoids sending a request into a closed connection.
const keep = { keepAlive: true, maxFreeSockets: 2, timeout: 4_000 };

// A server may send a few interim answers (100, 103). One that sends them without end would keep a core busy until the timeout.
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
    // Before all other listeners, so that nothing is written to a forbidden peer.
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
