import type { Command } from 'commander';
import type { Balance } from '../../schemas/admin-api/balance.ts';
import { adminClient } from './client.ts';
import { type AdminFlags, adminCommand, type Shell } from './flags.ts';
import { EXIT, type Exit, show, type Terminal } from './output.ts';
import { table } from './table.ts';
import { byReason, counted } from './words.ts';

export function addBalance(program: Command, { terminal, end }: Shell): void {
  adminCommand(program.command('balance'), terminal, 'headless-events balance', 'headless-events balance --json')
    .description('check that every event is accounted for; exits with 1 if one is not')
    .action(async (flags: AdminFlags) => end(await balance(flags, terminal)));
}

async function balance(flags: AdminFlags, terminal: Terminal): Promise<Exit> {
  const sums = await adminClient(flags, terminal).get<Balance>('/admin/balance');
  show(terminal, flags.json, sums, [
    ...shopLines(sums, terminal),
    '',
    ...pipelineLines(sums, terminal),
    '',
    sums.balanced
      ? 'Balanced: every event is accounted for.'
      : 'NOT balanced: where the difference is not 0, that many events are unaccounted for.',
    ...orphanLines(sums),
  ]);
  return sums.balanced ? EXIT.ok : EXIT.failed;
}

/** What orphaned pipelines still owe. */
const orphanLines = ({ pipelines }: Balance): string[] =>
  pipelines
    .filter(({ orphaned }) => orphaned)
    .map(
      ({ shop, pipeline, pending, dead }) =>
        `Orphaned: ${pipeline} of ${shop} is not configured; ${counted(pending, 'event')} and ${counted(dead, 'dead letter')} wait. Adopt or discard them with headless-events pipelines.`,
    );

const shopLines = ({ shops }: Balance, terminal: Terminal): string[] =>
  table(
    ['SHOP', 'RECEIVED', 'APPENDED', 'DUPLICATE', 'DIFFERENCE', 'QUARANTINED'],
    shops.map(({ shop, received, appended, duplicate, difference, quarantined }) => [
      shop,
      received,
      appended,
      duplicate,
      difference,
      byReason(quarantined),
    ]),
    terminal,
  );

const pipelineLines = ({ pipelines }: Balance, terminal: Terminal): string[] =>
  table(
    ['SHOP', 'PIPELINE', 'APPENDED', 'DELIVERED', 'DEAD', 'PENDING', 'DIFFERENCE', 'FILTERED', 'DROPPED'],
    pipelines.map(({ shop, pipeline, appended, delivered, dead, pending, difference, filtered, dropped }) => [
      shop,
      pipeline,
      appended,
      delivered,
      dead,
      pending,
      difference,
      byReason(filtered),
      byReason(dropped),
    ]),
    terminal,
  );
