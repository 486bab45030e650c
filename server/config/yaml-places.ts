import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type LineCounter,
  type Pair,
  type YAMLMap,
} from 'yaml';
import type { Path } from './checks/schema.ts';

/** The line and column at which a path begins: at its key or list item. For a missing key, where its object begins. */
export type PlaceOf = (path: Path) => string | undefined;

export function placesIn(document: Document, lines: LineCounter): PlaceOf {
  const indexes = new WeakMap<YAMLMap, Map<string, Pair>>();
  // Indexed, since there may be as many mistakes as keys.
  const pairOf = (map: YAMLMap, key: string): Pair | undefined => {
    const index = indexes.get(map) ?? new Map(map.items.map((pair) => [keyOf(pair), pair]));
    indexes.set(map, index);
    return index.get(key);
  };
  return (path) => {
    let node: unknown = document.contents;
    let at = offsetOf(node);
    for (const step of path) {
      const inside: unknown = isAlias(node) ? node.resolve(document) : node;
      const pair = isMap(inside) ? pairOf(inside, String(step)) : undefined;
      const next: unknown = isSeq(inside) ? inside.items[Number(step)] : pair?.value;
      const begin = offsetOf(pair ? pair.key : next);
      if (begin === undefined) break;
      [node, at] = [next, begin];
    }
    return at === undefined ? undefined : placeAt(at, lines);
  };
}

/** Line and column of an offset, in characters from the beginning of the text. */
export function placeAt(offset: number, lines: LineCounter): string {
  const { line, col } = lines.linePos(offset);
  return `line ${line}, column ${col}`;
}

const keyOf = ({ key }: Pair): string => String(isScalar(key) ? key.value : key);

const offsetOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined);
