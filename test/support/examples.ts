import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { dialects } from '../../adapters/dialects/index.ts';
import type { Event } from '../../schemas/event.ts';
import type { Example, Examples } from '../../server/docs/openapi.ts';

export interface Fixture {
  readonly name: string;
  readonly description: string;
  readonly request: { readonly headers?: Readonly<Record<string, string>>; readonly body: unknown };
  readonly events: readonly Event[];
}

/** The fixtures of a dialect, by file name. */
export function fixturesOf(dialect: string): Fixture[] {
  const folder = join('test', 'fixtures', dialect);
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.sort().map((file) => ({
    ...(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Omit<Fixture, 'name'>),
    name: basename(file, '.json'),
  }));
}

/** The same as examples of the OpenAPI document. */
export const examples = (): Examples =>
  Object.fromEntries(dialects.map(({ name }) => [name, asExamples(fixturesOf(name))]));

const asExamples = (fixtures: readonly Fixture[]): Record<string, Example> =>
  Object.fromEntries(fixtures.map(({ name, description, request }) => [name, { description, value: request.body }]));
