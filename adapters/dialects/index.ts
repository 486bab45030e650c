import type { Contents, View } from './dialect.ts';
import { type Dialect, UnknownDialect } from './dialect.ts';
import { glood } from './glood/glood.ts';
import { derivedId } from './ids.ts';
import { layers } from './layers/layers.ts';
import { tapcart } from './tapcart/tapcart.ts';

/** Every wire contract that the gateway accepts. */
export const dialects: readonly Dialect[] = [layers, glood, tapcart];

/** The events of a stored body, made by the dialect that read it. Throws UnknownDialect if none has that name. */
export const view: View = (name, body, indexes, context, derivations) =>
  named(name).view(body, indexes, context, derivations);

/** What tells the contents of events apart. Throws UnknownDialect. */
export const contents: Contents = (name, body, indexes, derivation) =>
  named(name)
    .sent(body, indexes, derivation)
    .map((event) => derivedId(event).slice(0, 8));

function named(name: string): Dialect {
  const dialect = dialects.find((one) => one.name === name);
  if (dialect) return dialect;
  throw new UnknownDialect(
    name,
    dialects.map((one) => one.name),
  );
}
