import Type from 'typebox';
import { type Answer, all, between, input, maybe, optionalText, page, text, When } from './common.ts';

const selection = {
  shop: optionalText("The shop's domain."),
  id: optionalText('Id in quarantine.'),
  event_id: optionalText('Id of the event, as sent.'),
  code: optionalText('Code of the reason.'),
  ...between('arrival'),
};

export const QuarantineExport = input(selection);
/** The quarantined events that match all of these. */
export type QuarantineSelection = Answer<typeof QuarantineExport>;

export const QuarantineQuery = input({ ...selection, ...page });
export const QuarantinedQuery = input({ id: text('Id in quarantine.'), shop: optionalText('Only in this shop.') });
export const QuarantineOrder = input({ ...selection, all });

const common = {
  id: Type.String({ description: 'Unique over all shops, never used again.' }),
  shop: Type.String(),
  at: When,
  dialect: Type.String(),
  code: Type.String(),
  reasons: Type.Array(Type.String()),
  index: maybe(Type.Integer()),
  event_id: maybe(Type.String()),
  name: maybe(Type.String()),
};

export const QuarantinedHeadView = Type.Object(
  {
    ...common,
    bytes: Type.Integer({ minimum: 0, description: 'Size of its body.' }),
    beginning: Type.String({ description: 'The first 200 characters of its body.' }),
  },
  {
    description:
      'An event refused at ingest, without its body. Long texts are cut, and of many reasons the first are given.',
  },
);
/** A refused event as operators see it in lists. */
export type QuarantinedHeadView = Answer<typeof QuarantinedHeadView>;

export const QuarantinedView = Type.Object(
  {
    ...common,
    raw: Type.String({ description: 'The event as it came, without keys of carts.' }),
    context: Type.Object(
      {
        shop: Type.String(),
        received_at: When,
        trust: Type.Enum(['public', 'server']),
        channel: Type.Enum(['web', 'app']),
        geo: maybe(
          Type.Object({
            country: maybe(Type.String()),
            state: maybe(Type.String()),
            city: maybe(Type.String()),
          }),
        ),
        agent: maybe(
          Type.Object({
            device: maybe(Type.String()),
            browser: maybe(Type.String()),
            os: maybe(Type.String()),
            bot: maybe(Type.Boolean()),
          }),
        ),
        headers: maybe(Type.Record(Type.String(), Type.String())),
      },
      { description: 'Facts from the request, and what enrichment found then.' },
    ),
  },
  { description: 'An event refused at ingest.' },
);
/** A refused event as operators see it, with its body. */
export type QuarantinedView = Answer<typeof QuarantinedView>;
