import Type from 'typebox';
import type { Documentation } from '../dialect.ts';
import { GloodBody } from './shapes.ts';

const GloodError = Type.Object(
  { error: Type.Integer({ format: 'int32', description: 'The HTTP status.' }), message: Type.String() },
  { description: 'Why the event was refused, with the path of the offending value.' },
);

export const gloodDocumentation: Documentation = {
  operationId: 'sendHeadlessEvent',
  summary: 'Glood headless events: send one event.',
  security: { bearerAuth: { type: 'http', scheme: 'bearer', description: "One of the shop's tokens." } },
  parameters: [
    {
      name: 'x-shop',
      in: 'header',
      required: false,
      description: "The shop's domain, where the body has no shop_domain.",
      schema: { type: 'string' },
    },
  ],
  body: GloodBody,
  shapes: { GloodBody, GloodError },
  answers: {
    200: { description: 'The event is stored.', body: Type.Object({ ok: Type.Literal(true) }) },
    400: { description: 'The event is not valid; it is kept in quarantine.', body: GloodError },
  },
  refusal: () => GloodError,
};
