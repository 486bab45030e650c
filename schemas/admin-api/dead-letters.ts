import Type from 'typebox';
import { Event } from '../event.ts';
import { type Answer, all, between, Count, input, maybe, optionalText, page, shopAndPipeline, When } from './common.ts';

const selection = {
  shop: optionalText("The shop's domain."),
  pipeline: optionalText('Id of the pipeline.'),
  event_id: optionalText('Id of the event.'),
  reason: optionalText('Part of the reason.'),
  ...between('death'),
};

export const DeadExport = input(selection);
/** The dead letters that match all of these. */
export type DeadSelection = Answer<typeof DeadExport>;

export const DeadQuery = input({ ...selection, ...page });
export const DeadOrder = input({ ...selection, all });

export const DeadView = Type.Object(
  {
    ...shopAndPipeline,
    position: Count,
    event: Event,
    reason: Type.String(),
    attempts: Count,
    at: When,
    redrive: maybe(Type.Boolean({ description: 'It is marked to be tried again.' })),
    left_out: maybe(
      Type.Object(
        { reason: Type.String(), at: When },
        { description: "It was tried again, and today's filter left it out." },
      ),
    ),
  },
  { description: 'An event that a destination will never take.' },
);
/** A dead letter as operators see it. */
export type DeadView = Answer<typeof DeadView>;
