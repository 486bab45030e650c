import { Check } from 'typebox/value';
import type { Destination } from '../../../adapters/destinations/destination.ts';
import type { Dialect } from '../../../adapters/dialects/dialect.ts';
import { urlMistakes } from '../../../adapters/http/ssrf.ts';
import { kindSchema } from '../../../schemas/config.ts';
import { field, isRecord, items } from '../../base/unknown-values.ts';
import { shown } from '../shown.ts';
import type { Mistake, Path } from './schema.ts';

/** User and password of a URL. */
const USER = /:\/\/[^\s/]*@/g;

export interface Checkers {
  readonly destinations: readonly Destination[];
  readonly dialects: readonly Pick<Dialect, 'name' | 'settings'>[];
  /** Removes secrets from a destination's messages. */
  readonly redact: (sentence: string) => string;
}

/**
 * Mistakes that the schema cannot see: settings that a destination or a dialect refuses, and origins that no browser sends. Accepts a
 * configuration with other mistakes, so that all are reported at once.
 */
export function semanticMistakes(config: unknown, { destinations, dialects, redact }: Checkers): Mistake[] {
  return items(field(config, 'shops')).flatMap((shop, index) => {
    const at: Path = ['shops', index];
    return [
      ...items(field(shop, 'origins')).flatMap((origin, place) =>
        originMistakes(origin, [...at, 'origins', place], redact),
      ),
      ...dialects.flatMap(({ name, settings }) =>
        (settings?.check(field(shop, name), urlMistakes) ?? []).map((text) => placed(text, [...at, name])),
      ),
      ...items(field(shop, 'pipelines')).flatMap((pipeline, place) => [
        ...laneMistakes(pipeline, destinations, [...at, 'pipelines', place, 'lanes']),
        ...destinationMistakes(field(pipeline, 'destination'), destinations).map((text) =>
          placed(redact(text).replace(USER, '://'), [...at, 'pipelines', place, 'destination']),
        ),
      ]),
    ];
  });
}

function laneMistakes(pipeline: unknown, destinations: readonly Destination[], path: Path): Mistake[] {
  const lanes = field(pipeline, 'lanes');
  const destination = destinations.find(({ type }) => type === field(field(pipeline, 'destination'), 'type'));
  if (typeof lanes !== 'number' || lanes <= 1 || destination === undefined || destination.lanes) return [];
  return [
    {
      path,
      text: `must be 1 for a destination of type ${destination.type}, which takes one batch at a time, got ${lanes}`,
    },
  ];
}

/** Browsers omit the default port and write hosts in lower case, so any other spelling would never match. */
function originMistakes(origin: unknown, path: Path, redact: Checkers['redact']): Mistake[] {
  if (typeof origin !== 'string' || !/^https?:/.test(origin)) return [];
  const sent = URL.canParse(origin) ? new URL(origin).origin : undefined;
  if (sent === origin) return [];
  const hint = sent === undefined ? '' : `; write ${sent}`;
  return [{ path, text: `must be an origin as browsers write it, got ${shown(redact(origin), false)}${hint}` }];
}

function destinationMistakes(settings: unknown, destinations: readonly Destination[]): readonly string[] {
  const destination = destinations.find(({ type }) => type === field(settings, 'type'));
  if (!destination?.check || !isRecord(settings)) return [];
  const { type: _, ...own } = settings;
  return Check(kindSchema(destination), settings) ? destination.check(own) : [];
}

/** A destination or a dialect speaks of its settings as "url: …" or "headers.x: …"; that belongs to the path. */
function placed(text: string, path: Path): Mistake {
  const [, name, rest] = /^([A-Za-z][\w.-]*): (.*)$/s.exec(text) ?? [];
  return name !== undefined && rest !== undefined
    ? { path: [...path, ...name.split('.')], text: rest }
    : { path, text };
}
