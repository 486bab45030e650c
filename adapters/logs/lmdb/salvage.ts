import { type FileHandle, open } from 'node:fs/promises';
import type { Event } from '../../../schemas/event.ts';
import type { Draft, View } from '../../dialects/dialect.ts';
import { kindOf, orderOf, PURCHASE } from '../../dialects/kind.ts';
import { type LogRecord, UnreadableEvents } from '../log.ts';
import { openRecord, receivedAt, recordAt } from '../record.ts';
import { viewed } from '../viewed.ts';

const CHUNK_BYTES = 16 * 1024 * 1024;
/** Longer than any record: one that begins in a chunk ends in the next at the latest. */
const OVERLAP_BYTES = 2 * 1024 * 1024;
/** The start of every record's context. */
const CONTEXT = Buffer.from('{"dialect":"');

interface Found {
  readonly at: number;
  readonly offset: number;
  readonly length: number;
}

/**
 * The intact records of a damaged file, by time of receipt. They are found by their start and verified by checksum, whatever happened to the
 * trees that pointed to them. Records that retention had removed may reappear. Records that this version cannot read are reported and left in
 * the file.
 */
export async function* salvage(
  file: string,
  view: View,
  onUnreadable: (error: UnreadableEvents) => void,
): AsyncGenerator<LogRecord> {
  const handle = await open(file, 'r');
  try {
    // Not a file, so there is nothing to read.
    if (!(await handle.stat()).isFile()) return;
    const found = await recordsIn(handle);
    found.sort((a, b) => a.at - b.at || a.offset - b.offset);
    for (const { offset, length } of found) {
      const bytes = Buffer.allocUnsafeSlow(length);
      await handle.read(bytes, 0, length, offset);
      const record = logRecordOf(bytes, view, onUnreadable);
      if (record) yield record;
    }
  } finally {
    await handle.close();
  }
}

async function recordsIn(handle: FileHandle): Promise<Found[]> {
  const found: Found[] = [];
  const { size } = await handle.stat();
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES + OVERLAP_BYTES);
  for (let start = 0; start < size; start += CHUNK_BYTES) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, start);
    const bytes = chunk.subarray(0, bytesRead);
    for (let context = bytes.indexOf(CONTEXT); context >= 0; context = bytes.indexOf(CONTEXT, context + 1)) {
      const record = recordAt(bytes, context);
      if (record === undefined || record.offset >= CHUNK_BYTES) continue;
      found.push({ at: receivedAt(record), offset: start + record.offset, length: record.length });
    }
  }
  return found;
}

function logRecordOf(
  bytes: Buffer,
  view: View,
  onUnreadable: (error: UnreadableEvents) => void,
): LogRecord | undefined {
  const slice = { page: bytes, offset: 0, length: bytes.length, count: bytes.readUInt8(9) };
  const opened = openRecord(slice);
  if (opened === undefined) return undefined;
  const { dialect, context, indexes, derivations, body } = opened;
  try {
    const events = viewed({ view }, { dialect, context, body, indexes, derivations, first: 1 });
    const drafts = events.map((event, i) => draftOf(event, indexes[i] ?? 0, derivations[i] || 1));
    return { dialect, context, body, events: drafts, refused: [] };
  } catch (error) {
    if (!(error instanceof UnreadableEvents)) throw error;
    onUnreadable(error);
    return undefined;
  }
}

/** The draft of a restored event. `derivation`: the version that made its id, if it was derived. */
const draftOf = (
  { event_id: id, id_source, event_type, session_id, device_id, data, custom_data, extra }: Event,
  index: number,
  derivation: number,
): Draft => ({
  ...{ id, index, kind: kindOf(event_type, session_id, device_id) },
  ...(id_source === 'derived' && { derived: derivation }),
  ...(event_type === PURCHASE && { order: orderOf(custom_data ?? data ?? extra ?? {}) }),
});
