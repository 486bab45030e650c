import { version } from '../../adapters/version.ts';

/** The text of `/`, for people and for load balancers that check only this path. `paths`: where events go; empty if this process takes none. */
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
