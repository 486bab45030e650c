import { Agent, request } from 'node:http';
import { gatewayWith, SHOP } from '../support/gateway.ts';
import { latencies } from './latencies.ts';

const WARM_UP = 1_000;
const COUNT = 5_000;
const headers = {
  origin: 'https://shop.example.com',
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'content-type',
};

/** How long a preflight takes from its first byte to the last of its answer, on one connection, one after the other. */
const gateway = await gatewayWith(
  `shops: [{ shop: ${SHOP}, tokens: [demo-token], origins: ['https://shop.example.com'] }]`,
);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const asked = latencies();
for (let count = -WARM_UP; count < COUNT; count += 1) {
  const started = performance.now();
  const status = await preflight();
  if (status !== 204) throw new Error(`expected 204, got ${status}`);
  if (count >= 0) asked.add(performance.now() - started);
}
agent.destroy();
await gateway.stop();
const [median, p99] = [0.5, 0.99].map((share) => asked.percentile(share));
console.log(`${COUNT} preflights, this client's own time included: median ${median} ms, p99 ${p99} ms`);

function preflight(): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { port: gateway.port, host: '127.0.0.1', agent, method: 'OPTIONS', path: '/beacon?token=demo-token', headers },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
      },
    );
    asking.on('error', reject);
    asking.end();
  });
}
