import { version } from '../../adapters/version.ts';

/** What `/` says to people, and to balancers that look at nothing else. `paths`: where events go; none where this process takes none. */
export const rootPage = (paths: readonly string[]): string =>
  `${JSON.stringify(
    {
      name: 'headless-events',
      version: version(),
      ...(paths.length > 0 && { events: paths.map((path) => `POST ${path}`), description: '/openapi.json' }),
      alive: '/healthz',
      ready: '/readyz',
      metrics: '/metrics',
    },
    null,
    2,
  )}\n`;
