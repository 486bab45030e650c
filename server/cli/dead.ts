import type { Command } from 'commander';
import type { PageOf } from '../../schemas/admin-api/common.ts';
import type { DeadView } from '../../schemas/admin-api/dead-letters.ts';
import { examples, type Shell, TIME_HELP } from './flags.ts';
import { addHeldCommands, type HeldKind } from './held-events.ts';
import { counted, timeText } from './words.ts';

export function addDead(program: Command, shell: Shell): void {
  const group = program
    .command('dead')
    .description('dead letters: events that a destination will never take')
    .addHelpText(
      'after',
      examples(
        'headless-events dead',
        'headless-events dead show 018f3c9e-7d7b-7c1e-9a33-0c8f6f2b1f5a',
        'headless-events dead redrive --pipeline ga4',
      ),
    );
  addHeldCommands(group, dead, shell);
}

const dead: HeldKind<DeadView> = {
  name: 'dead',
  thing: 'dead letter',
  selectors: {
    shop: ['--shop <domain>', 'of this shop'],
    pipeline: ['--pipeline <id>', 'of this pipeline'],
    event_id: ['--event <id>', 'of this event'],
    reason: ['--reason <text>', 'whose reason contains this text'],
    from: ['--from <time>', `that became dead letters at or after this time (${TIME_HELP})`],
    to: ['--to <time>', 'that became dead letters before this time'],
  },
  headings: ['SINCE', 'SHOP', 'PIPELINE', 'EVENT', 'TYPE', 'ATTEMPTS', 'REASON'],
  row: ({ at, shop, pipeline, event, attempts, reason, redrive }) => [
    timeText(at),
    shop,
    pipeline,
    event.event_id,
    event.event_type,
    attempts,
    redrive ? `(being tried again) ${reason}` : reason,
  ],
  details: ({ at, shop, pipeline, position, event, attempts, reason, redrive }) => [
    `Event ${event.event_id} of ${shop}, position ${position}`,
    `  ${pipeline} gave up on ${timeText(at)} after ${counted(attempts, 'attempt')}: ${reason}`,
    ...(redrive ? ['  It is being tried again.'] : []),
    ...JSON.stringify(event, null, 2)
      .split('\n')
      .map((line) => `  ${line}`),
  ],
  idArgument: { argument: 'event-id', description: 'id of the event' },
  find: async (client, eventId, query) =>
    (await client.get<PageOf<DeadView>>('/admin/dead', { event_id: eventId, limit: 1000, ...query })).items,
  redriveText: ({ redriven = 0 }) =>
    `${counted(redriven, 'dead letter')} handed to ${redriven === 1 ? 'its pipeline' : 'their pipelines'} again.`,
};
