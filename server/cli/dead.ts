import type { Command } from 'commander';
import type { PageOf } from '../../schemas/admin-api/common.ts';
import type { DeadView } from '../../schemas/admin-api/dead-letters.ts';
import { examples, type Shell, TIME_HELP } from './flags.ts';
import { addKept, type Kept } from './held-events.ts';
import { counted, when } from './words.ts';

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
  addKept(group, dead, shell);
}

const dead: Kept<DeadView> = {
  name: 'dead',
  thing: 'dead letter',
  selectors: {
    shop: ['--shop <domain>', 'of this shop'],
    pipeline: ['--pipeline <id>', 'of this pipeline'],
    event_id: ['--event <id>', 'of this event'],
    reason: ['--reason <text>', 'with this in the reason'],
    from: ['--from <time>', `died from this time on (${TIME_HELP})`],
    to: ['--to <time>', 'died before this time'],
  },
  headings: ['SINCE', 'SHOP', 'PIPELINE', 'EVENT', 'TYPE', 'ATTEMPTS', 'REASON'],
  row: ({ at, shop, pipeline, event, attempts, reason, redrive }) => [
    when(at),
    shop,
    pipeline,
    event.event_id,
    event.event_type,
    attempts,
    redrive ? `(being tried again) ${reason}` : reason,
  ],
  story: ({ at, shop, pipeline, position, event, attempts, reason, redrive }) => [
    `Event ${event.event_id} of ${shop}, position ${position}`,
    `  ${pipeline} gave up on ${when(at)} after ${counted(attempts, 'attempt')}: ${reason}`,
    ...(redrive ? ['  It is being tried again.'] : []),
    ...JSON.stringify(event, null, 2)
      .split('\n')
      .map((line) => `  ${line}`),
  ],
  idOf: { argument: 'event-id', description: 'id of the event' },
  find: async (client, eventId, query) =>
    (await client.get<PageOf<DeadView>>('/admin/dead', { event_id: eventId, limit: 1000, ...query })).items,
  redriven: ({ redriven = 0 }) =>
    `${counted(redriven, 'dead letter')} handed to ${redriven === 1 ? 'its pipeline' : 'their pipelines'} once more.`,
};
