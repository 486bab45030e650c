import { createSocket, type RemoteInfo } from 'node:dgram';

/** What a name stands for: addresses, a refusal to say (an RCODE), or no answer at all. */
export type Said =
  | { readonly a?: readonly string[]; readonly aaaa?: readonly string[] }
  | { readonly code: 2 | 3 }
  | 'nothing';

/** A name server for the names that it is told of; all others do not exist. */
export interface NameServer {
  says(name: string, said: Said): void;
  /** How often a name was asked for. */
  asked(name: string): number;
  close(): void;
}

const A = 1;
const AAAA = 28;
const NO_SUCH_NAME = 3;

export async function openNameServer(address: string): Promise<NameServer> {
  const names = new Map<string, Said>();
  const counts = new Map<string, number>();
  const socket = createSocket('udp4');
  socket.on('message', (query: Buffer, from: RemoteInfo) => {
    const { name, type, end } = questionOf(query);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const said = names.get(name) ?? { code: NO_SUCH_NAME };
    if (said === 'nothing') return;
    socket.send(answerTo(query, end, type, said), from.port, from.address);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(53, address, resolve);
  });
  return {
    says: (name, said) => void names.set(name, said),
    asked: (name) => counts.get(name) ?? 0,
    close: () => socket.close(),
  };
}

/** The first question behind the header of 12 bytes: labels with their lengths, up to one of none. */
function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function answerTo(query: Buffer, end: number, type: number, said: Exclude<Said, 'nothing'>): Buffer {
  const code = 'code' in said ? said.code : 0;
  const records = 'code' in said ? [] : recordsOf(type, said);
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8180 | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, query.subarray(12, end), ...records]);
}

/** Each points back to the name in the question, and must not be kept. */
function recordsOf(type: number, { a = [], aaaa = [] }: { a?: readonly string[]; aaaa?: readonly string[] }): Buffer[] {
  const addresses = type === A ? a.map(bytesOf4) : type === AAAA ? aaaa.map(bytesOf6) : [];
  return addresses.map((bytes) => {
    const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length]);
    return Buffer.concat([head, bytes]);
  });
}

const bytesOf4 = (address: string): Buffer => Buffer.from(address.split('.').map(Number));

/** Written out in full: eight groups. */
const bytesOf6 = (address: string): Buffer =>
  Buffer.concat(address.split(':').map((group) => Buffer.from(group.padStart(4, '0'), 'hex')));
