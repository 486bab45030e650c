import { isIP } from 'node:net';

type Value = string | number | readonly Value[] | { readonly [key: string]: Value };

/** One network and what is known of it, as `203.0.113.0/24`. */
export interface Network {
  readonly network: string;
  readonly record: Value;
}

/**
 * The bytes of a database in MaxMind's format 2.0 with 24-bit records. IPv4 networks lie at ::/96 of an IPv6 tree, as in
 * MaxMind's own.
 */
export function mmdb(networks: readonly Network[], databaseType: string, ipVersion: 4 | 6 = 6): Buffer {
  const nodes: [number, number][] = [[EMPTY, EMPTY]];
  const records: Buffer[] = [];
  let size = 0;
  for (const { network, record } of networks) {
    insert(nodes, bitsOf(network, ipVersion), -(size + 1));
    const bytes = encoded(record);
    records.push(bytes);
    size += bytes.length;
  }
  const metadata = {
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000,
    database_type: databaseType,
    description: { en: 'made for a test' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: 24,
  };
  const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
  return Buffer.concat([treeOf(nodes), Buffer.alloc(16), ...records, marker, encoded(metadata)]);
}

// A slot holds a node's number (0 is the root, so never a child and free to mean nothing), or a record's place as -(place + 1).
const EMPTY = 0;

function insert(nodes: [number, number][], bits: readonly number[], leaf: number): void {
  let at = 0;
  bits.forEach((bit, depth) => {
    const node = nodes[at]!;
    const side = bit === 1 ? 1 : 0;
    if (depth === bits.length - 1) {
      node[side] = leaf;
      return;
    }
    if (node[side] === EMPTY) node[side] = nodes.push([EMPTY, EMPTY]) - 1;
    at = node[side];
  });
}

function treeOf(nodes: readonly [number, number][]): Buffer {
  const tree = Buffer.alloc(nodes.length * 6);
  nodes.flat().forEach((slot, index) => {
    const place = slot < 0 ? nodes.length + 16 - slot - 1 : slot === EMPTY ? nodes.length : slot;
    tree.writeUIntBE(place, index * 3, 3);
  });
  return tree;
}

function bitsOf(network: string, ipVersion: 4 | 6): number[] {
  const [address = '', prefix = '0'] = network.split('/');
  const v4 = isIP(address) === 4;
  const bytes = v4 ? address.split('.').map(Number) : groupsOf(address).flatMap((group) => [group >> 8, group & 255]);
  const bits = bytes.flatMap((byte) => [...byte.toString(2).padStart(8, '0')].map(Number)).slice(0, Number(prefix));
  return v4 && ipVersion === 6 ? [...new Array<number>(96).fill(0), ...bits] : bits;
}

function groupsOf(address: string): number[] {
  const [head = '', tail = ''] = address.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail.split(':').filter(Boolean);
  const middle = new Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...middle, ...right].map((group) => Number.parseInt(group, 16));
}

const TEXT = 2;
const MAP = 7;
const UINT32 = 6;
const ARRAY = 11;

function encoded(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.concat([control(TEXT, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([control(UINT32, 4), bytes]);
  }
  if (Array.isArray(value)) return Buffer.concat([control(ARRAY, value.length), ...value.map(encoded)]);
  const entries = Object.entries(value);
  return Buffer.concat([
    control(MAP, entries.length),
    ...entries.flatMap(([key, item]) => [encoded(key), encoded(item)]),
  ]);
}

// Sizes from 29 on take a second byte; types above 7 lie in a byte of their own.
function control(type: number, size: number): Buffer {
  const short = Math.min(size, 29);
  const head = type > 7 ? [short, type - 7] : [(type << 5) | short];
  return Buffer.from(short === 29 ? [...head, size - 29] : head);
}
