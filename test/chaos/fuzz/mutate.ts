import { hostileBytes, hostileKeys, hostileTexts, hostileValues } from './hostile-values.ts';

/** Draws from a seeded source. */
export interface Draw {
  /** From 0 up to, and not with, this. */
  below(end: number): number;
  /** Whether it happens, with this chance. */
  happens(chance: number): boolean;
  of<T>(list: readonly T[]): T;
}

export const drawFrom = (random: () => number): Draw => ({
  below: (end) => Math.floor(random() * end),
  happens: (chance) => random() < chance,
  of: (list) => list[Math.floor(random() * list.length)] as (typeof list)[number],
});

type Container = Record<string, unknown> | unknown[];

/** Changes a value of JSON in place, somewhere within. `donor` gives parts of other bodies. */
export function mutateValue(root: Container, draw: Draw, donor: () => unknown): void {
  const containers = containersIn(root);
  const place = draw.of(containers);
  const keys = Object.keys(place);
  const key = keys.length > 0 ? draw.of(keys) : '0';
  const put = (at: string, value: unknown) => {
    if (Array.isArray(place)) place[Number(at) || 0] = value;
    else Object.defineProperty(place, at, { value, enumerable: true, configurable: true, writable: true });
  };
  const here = Array.isArray(place) ? place[Number(key)] : place[key];
  switch (draw.below(9)) {
    case 0:
    case 1:
    case 2:
      put(key, structuredClone(draw.of(hostileValues)));
      return;
    case 3:
      put(draw.of(hostileKeys), draw.happens(0.5) ? here : structuredClone(draw.of(hostileValues)));
      return;
    case 4:
      if (Array.isArray(place)) place.splice(draw.below(place.length + 1), 1);
      else delete place[key];
      return;
    case 5:
      put(key, wrapped(here, 1 + draw.below(draw.happens(0.1) ? 600 : 40), draw.happens(0.5)));
      return;
    case 6:
      if (Array.isArray(place)) place.push(...Array<unknown>(draw.below(draw.happens(0.1) ? 150 : 8)).fill(here));
      return;
    case 7:
      put(key, structuredClone(donor()));
      return;
    default:
      put(key, Array.isArray(here) ? Object.fromEntries(Object.entries(here)) : [here]);
  }
}

function containersIn(root: Container): Container[] {
  const found: Container[] = [root];
  for (let at = 0; at < found.length && at < 200; at += 1)
    for (const value of Object.values(found[at] as Container))
      if (typeof value === 'object' && value !== null) found.push(value as Container);
  return found;
}

function wrapped(value: unknown, levels: number, inArrays: boolean): unknown {
  let whole = value;
  for (let level = 0; level < levels; level += 1) whole = inArrays ? [whole] : { a: whole };
  return whole;
}

/** Changes JSON as text, so that it may be JSON no more. */
export function mutateText(text: string, draw: Draw): string {
  const at = draw.below(text.length + 1);
  switch (draw.below(6)) {
    case 0:
    case 1: {
      // Where a value stands: behind one of the colons.
      const colon = text.indexOf(':', at);
      const end = colon < 0 ? -1 : text.slice(colon + 1).search(/[,}\]]/);
      return end < 0
        ? `${text}${draw.of(hostileTexts)}`
        : text.slice(0, colon + 1) + draw.of(hostileTexts) + text.slice(colon + 1 + end);
    }
    case 2:
      return text.slice(0, at) + draw.of(hostileTexts) + text.slice(at);
    case 3:
      return text.slice(0, at);
    case 4: {
      const brace = text.indexOf('{', at);
      return brace < 0
        ? text
        : `${text.slice(0, brace + 1)}${JSON.stringify(draw.of(hostileKeys))}:${draw.of(hostileTexts)},${text.slice(brace + 1)}`;
    }
    default:
      return `${text.slice(0, at)}${text.slice(draw.below(at + 1), at)}${text.slice(at)}`;
  }
}

/** Changes a few bytes: one other, some more, some less. */
export function mutateBytes(bytes: Buffer, draw: Draw): Buffer {
  const at = draw.below(bytes.length + 1);
  switch (draw.below(4)) {
    case 0: {
      const copy = Buffer.from(bytes);
      for (let times = 1 + draw.below(4); times > 0 && copy.length > 0; times -= 1)
        copy[draw.below(copy.length)] = draw.below(256);
      return copy;
    }
    case 1:
      return Buffer.concat([bytes.subarray(0, at), draw.of(hostileBytes), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + draw.below(20)))]);
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(draw.below(at + 1))]);
  }
}
