import Type from 'typebox';
import { Event } from '../event.ts';
import { type Answer, countOf, input, maybe, optionalText, types, When } from './common.ts';

export const TailQuery = input({
  shop: optionalText("The shop's domain."),
  pipeline: optionalText('Id of the pipeline, for deliveries.'),
  types,
  kinds: Type.Optional(
    Type.Array(Type.Enum(['accepted', 'duplicate', 'refused', 'delivered', 'dead', 'retried', 'missed']), {
      minItems: 1,
      description: 'Kinds of lines; all by default.',
    }),
  ),
});
export type TailFilter = Answer<typeof TailQuery>;

export const TailLine = Type.Union(
  [
    Type.Object({ kind: Type.Enum(['accepted', 'duplicate']), at: When, shop: Type.String(), event: Event }),
    Type.Object(
      {
        kind: Type.Literal('refused'),
        at: When,
        shop: maybe(Type.String()),
        dialect: maybe(Type.String()),
        name: maybe(Type.String()),
        event_id: maybe(Type.String()),
        status: maybe(Type.Integer({ description: 'Of a request that was refused as a whole.' })),
        origin: maybe(Type.String()),
        left_out: maybe(
          countOf('Of requests: how many were refused before this one without a line, to limit the lines.'),
        ),
        code: Type.String(),
        reasons: Type.Array(Type.String()),
      },
      { description: 'An event, or a request as a whole.' },
    ),
    Type.Object({
      kind: Type.Enum(['delivered', 'dead', 'retried']),
      at: When,
      shop: Type.String(),
      pipeline: Type.String(),
      event_id: Type.String(),
      type: Type.String(),
      name: Type.String({ description: 'The type as the client named it.' }),
      status: Type.String(),
    }),
    Type.Object({ kind: Type.Literal('note'), text: Type.String() }, { description: 'What the tail cannot show.' }),
    Type.Object(
      { kind: Type.Literal('missed'), lines: countOf('Lines that were left out.') },
      { description: 'The reader was too slow.' },
    ),
  ],
  { description: 'Something that happened just now, for readers of the tail.' },
);
export type TailLine = Answer<typeof TailLine>;
