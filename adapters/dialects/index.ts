import type { View } from '../logs/log.ts';
import { type Dialect, UnknownDialect } from './dialect.ts';
import { glood } from './glood.ts';
import { layers } from './layers.ts';
import { tapcart } from './tapcart.ts';

/** Every wire contract the gateway speaks. */
export const dialects: readonly Dialect[] = [layers, glood, tapcart];

/** The events of a stored body, made by the dialect that read it. Throws UnknownDialect where none has that name. */
export const view: View = (name, body, indexes, context) => {
  const dialect = dialects.find((one) => one.name === name);
  if (!dialect) {
    throw new UnknownDialect(
      name,
      dialects.map((one) => one.name),
    );
  }
  return dialect.view(body, indexes, context);
};
