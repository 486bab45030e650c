import type { Balance } from '../../schemas/admin-api/balance.ts';
import { until } from '../support/until.ts';
import { openAdmin } from './admin.ts';

/** A gateway's books once none of its pipelines has anything pending, or when the time is over. It must run with ADMIN_TOKEN. */
export async function settledBalance(port: number, limitMs: number): Promise<Balance> {
  const admin = openAdmin(port);
  const ask = () => admin.ask<Balance>('/balance').catch(() => undefined);
  await until(async () => (await ask())?.pipelines.every(({ pending }) => pending === 0), limitMs).catch(() => {});
  const balance = await admin.ask<Balance>('/balance');
  admin.close();
  return balance;
}
