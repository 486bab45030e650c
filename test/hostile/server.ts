import { gatewayWith } from '../support/gateway.ts';
import { watchStalls } from '../support/stall.ts';

/** A gateway in a process of its own, so that what holds it up is not what its clients do. Says how long it was held up when asked. */
const [config = '', env = '{}'] = process.argv.slice(2);
const gateway = await gatewayWith(config, JSON.parse(env));
const stalls = watchStalls();

let used = process.cpuUsage();
process.on('message', () => {
  const { user, system } = process.cpuUsage(used);
  used = process.cpuUsage();
  const rss = process.memoryUsage().rss / 1024 ** 2;
  process.send?.({ stall: stalls.longest(), rss, processor: (user + system) / 1_000 });
});
process.once('disconnect', () => process.exit());
process.send?.({ port: gateway.port });
