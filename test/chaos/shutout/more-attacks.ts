import { ATTACKER, type Attack, head, hold, repeat } from './attack.ts';

const SMALLEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const KNOCKS = 100;

/** Sends the request again with each answer. */
const inALoop =
  (request: string): Attack['run'] =>
  (port, signal) =>
    hold(50, {
      port,
      signal,
      begin: (socket) => {
        const send = () => socket.write(request);
        socket.on('data', send);
        send();
      },
    });

const event = (id: string) =>
  JSON.stringify({
    events: [
      { event_type: 'product_view', event_id: id, timestamp: '2026-06-01T12:00:00Z', session_id: 's', product_id: 1 },
    ],
  });

const fields = Array.from({ length: 1900 }, (_, n) => `x${n.toString(36)}:`).join('\r\n');
const lines = `{"events":[${'\n'.repeat(250_000)}]}`;

/** Further ones of the same kind: what costs the gateway much more than it costs them. */
export const moreAttacks: readonly Attack[] = [
  {
    name: 'pipelines',
    does: '200 connections with 64 KB of the smallest requests at once, and again',
    run: (port, signal) => hold(200, { port, signal, begin: (socket) => repeat(socket, SMALLEST.repeat(2300), 200) }),
  },
  {
    name: 'many-fields',
    does: '50 clients whose requests have 1,900 header fields, as fast as they are answered',
    run: inALoop(`${head(`Content-Length: 2\r\n${fields}`)}{}`),
  },
  {
    name: 'wrong-tokens',
    does: '50 clients with a token that nobody has, as fast as they are answered',
    run: inALoop(`${head('Content-Length: 2').replace(ATTACKER, 'nobody')}{}`),
  },
  {
    name: 'knockers',
    does: `${KNOCKS} clients that send each event on a connection of its own`,
    run: (port, signal) => {
      let sent = 0;
      hold(KNOCKS, {
        port,
        signal,
        waitMs: 0,
        begin: (socket) => {
          const body = event(`knock-${sent++}`);
          socket.write(head(`Connection: close\r\nContent-Length: ${body.length}`) + body);
        },
      });
    },
  },
  {
    name: 'line-ends',
    does: '50 clients that send bodies of 250,000 line ends, as fast as they are answered',
    run: inALoop(head(`Content-Length: ${lines.length}`) + lines),
  },
];
