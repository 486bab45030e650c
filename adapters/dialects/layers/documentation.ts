import Type from 'typebox';
import type { Documentation } from '../dialect.ts';
import { LayersBody } from './shapes.ts';

const LayersErrors = Type.Object(
  { errors: Type.Array(Type.String({ description: 'What was expected, what came.' })) },
  { description: 'Why the request was refused as a whole.' },
);
const Unauthenticated = Type.Object({ error: Type.Literal('Unauthenticated') });

export const layersDocumentation: Documentation = {
  operationId: 'beacon',
  summary: 'Layers Tracking API: capture 1 to 100 events.',
  security: {
    storefrontToken: { type: 'apiKey', in: 'header', name: 'X-Storefront-Access-Token' },
    storefrontTokenQuery: {
      type: 'apiKey',
      in: 'query',
      name: 'token',
      description: 'For sendBeacon, which cannot set headers. The header wins.',
    },
  },
  body: LayersBody,
  shapes: { LayersBody, LayersErrors },
  answers: {
    201: {
      description: 'Every valid event is stored, every invalid one is quarantined. The body is null.',
      body: Type.Null(),
    },
    204: { description: 'The same, for shops with `successStatus: 204`.' },
    400: { description: 'The body could not be decompressed.', body: LayersErrors },
    422: {
      description: 'The body as a whole is wrong: not JSON, or `events` missing, empty or longer than 100.',
      body: LayersErrors,
    },
  },
  refusal: (status) => (status === 401 ? Unauthenticated : LayersErrors),
};
