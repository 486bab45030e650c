import { Agent, get } from 'node:http';
import { atMost, type Finding } from '../findings.ts';

const EVERY_MS = 50;
const MOST_SECONDS = 2;

/** Clients that come anew, each with a connection of its own, and ask only whether the gateway is alive, until it is stopped. */
export function welcomed(port: number): { stop(): Finding } {
  const agent = new Agent({ keepAlive: false });
  const waits: number[] = [];
  const waiting = new Set<number>();
  const timer = setInterval(() => {
    const begin = performance.now();
    waiting.add(begin);
    const request = get({ port, host: '127.0.0.1', path: '/healthz', agent }, (response) => {
      response.resume();
      waiting.delete(begin);
      waits.push(performance.now() - begin);
    });
    // Who is never answered waits until the end.
    request.on('error', () => {});
  }, EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      const now = performance.now();
      const sorted = [...waits, ...[...waiting].map((begin) => now - begin)].sort((a, b) => a - b);
      agent.destroy();
      const seconds = Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? Number.POSITIVE_INFINITY) / 1000;
      const meaning = `seconds until 99 % of ${sorted.length} new clients knew that it is alive`;
      return atMost('NEWCOMERS', meaning, seconds, MOST_SECONDS);
    },
  };
}
