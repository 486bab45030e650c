import * as assert from 'uvu/assert';
import { ADMIN_TOKEN } from '../support/admin.ts';
import { temporaryFolder } from '../support/folder.ts';
import { SHOP } from '../support/gateway.ts';
import { startMain } from '../support/main.ts';
import type { Check, Exchange, Finding } from './schemathesis.ts';

export interface Stage {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** What every request of an operator carries. */
export const asOperator = { Authorization: `Bearer ${ADMIN_TOKEN}` };

/** The gateway as an operator starts it, and what every request of its shop carries. */
export async function openStage(): Promise<Stage> {
  const folder = temporaryFolder();
  const config = {
    shops: [
      {
        shop: SHOP,
        tokens: ['demo-token'],
        pipelines: [{ id: 'archive', destination: { type: 'file', directory: 'archive' } }],
      },
    ],
  };
  const gateway = startMain(folder.path, {
    GATEWAY_CONFIG: JSON.stringify(config),
    ADMIN_TOKEN,
    // As many requests as a fuzzer sends.
    RATE_PER_TOKEN: '0',
    RATE_PER_SHOP: '0',
    // What is refused again and again is read more slowly where clients connect directly, and a fuzzer is refused most of the time.
    TRUST_PROXY_HOPS: '1',
  });
  const port = await gateway.port();
  return {
    url: `http://127.0.0.1:${port}`,
    headers: { Authorization: 'Bearer demo-token', 'X-Storefront-Access-Token': 'demo-token' },
    close: async () => {
      gateway.child.kill('SIGTERM');
      await gateway.ended;
      folder.remove();
    },
  };
}

/** How often each status was answered. */
export function statuses(exchanges: readonly Exchange[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { status } of exchanges) found[status] = (found[status] ?? 0) + 1;
  return found;
}

/** What holds for every answer. */
export const described: readonly Check[] = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
];

export const quiet = ({ complaint }: Finding): void => assert.ok(complaint === '', complaint);

/** A fuzzer that sent next to nothing has found nothing. */
export const enough = ({ exchanges }: Finding, least: number): void =>
  assert.ok(exchanges.length >= least, `only ${exchanges.length} requests were sent`);
