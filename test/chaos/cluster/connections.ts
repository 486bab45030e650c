import pg from 'pg';
import { atMost, type Finding } from '../findings.ts';
import { pause } from '../random.ts';

/** How many connections each application_name had at one moment. */
export type Sample = Readonly<Record<string, number>>;

const EVERY_MS = 50;

/** Counts the connections to a database until it is stopped, its own aside; `url` is the superuser's. */
export async function sampleConnections(url: string): Promise<{ stop(): Promise<readonly Sample[]> }> {
  const client = new pg.Client({ connectionString: url, application_name: 'audit' });
  // What breaks it fails its next query.
  client.on('error', () => {});
  await client.connect();
  const stopping = new AbortController();
  const sampling = (async () => {
    const samples: Sample[] = [];
    while (!stopping.signal.aborted) {
      const next = performance.now() + EVERY_MS;
      const { rows } = await client.query<{ name: string; count: number }>(COUNT);
      samples.push(Object.fromEntries(rows.map(({ name, count }) => [name, count])));
      await pause(next - performance.now());
    }
    await client.end();
    return samples;
  })();
  // Where it fails before somebody asks, that is for who asks.
  sampling.catch(() => {});
  return {
    stop() {
      stopping.abort();
      return sampling;
    },
  };
}

const COUNT = `
select application_name as name, count(*)::int from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and application_name <> 'audit' group by 1`;

/** Whether all processes together ever had more connections than they may, and which ones had most at the same time. Pure. */
export function withinBudget(samples: readonly Sample[], budget: number): Finding {
  const total = (sample: Sample) => Object.values(sample).reduce((sum, count) => sum + count, 0);
  const most = Math.max(0, ...samples.map(total));
  const names = [...new Set(samples.flatMap((sample) => Object.keys(sample)))].sort();
  const each = names.map((name) => `${name}: ${Math.max(...samples.map((sample) => sample[name] ?? 0))}`);
  return {
    ...atMost('CONNECTIONS', `connections at the same time, of ${samples.length} looks`, most, budget),
    examples: [`at the same time, at most ${each.join(', ')}`],
  };
}
