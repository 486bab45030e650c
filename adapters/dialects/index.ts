import type { View } from '../logs/log.ts';
import type { Dialect } from './dialect.ts';
import { glood } from './glood.ts';
import { layers } from './layers.ts';
import { tapcart } from './tapcart.ts';

/** Every wire contract the gateway speaks. */
export const dialects: readonly Dialect[] = [layers, glood, tapcart];

/** The events of a stored body, made by the dialect that read it. Throws where no dialect has that name. */
export const view: View = (name, body, indexes, context) => {
  const dialect = dialects.find((one) => one.name === name);
  if (!dialect) {
    throw new Error(
      `a stored body speaks "${name}", but this gateway knows ${dialects.map((one) => one.name).join(', ')}`,
    );
  }
  return dialect.view(body, indexes, context);
};
