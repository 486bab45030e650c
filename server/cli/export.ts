import { closeSync, openSync, writeSync } from 'node:fs';
import type { AdminClient } from './client.ts';
import { EXIT, type Exit, escaped, Failure, type Terminal } from './output.ts';
import { counted } from './words.ts';

export interface Export {
  /** Path of the call. */
  readonly path: string;
  readonly selection: Readonly<Record<string, string>>;
  /** Name of one exported item. */
  readonly thing: string;
  /** A file to write to instead of standard output. */
  readonly out: string | undefined;
}

/** Writes the lines that the gateway streams, as fast as the output takes them. Throws a Failure if the stream ends too early. */
export async function writeExport(
  client: AdminClient,
  { path, selection, thing, out }: Export,
  terminal: Terminal,
): Promise<Exit> {
  const lines = async () => linesOf(await client.stream(path, selection, terminal.interrupted()));
  if (out === undefined) {
    for await (const line of await lines()) {
      terminal.out(escaped(line));
      await terminal.taken?.();
    }
    return EXIT.ok;
  }
  const file = opened(out);
  let count = 0;
  try {
    for await (const line of await lines()) {
      writeSync(file, `${escaped(line)}\n`);
      count += 1;
    }
  } finally {
    closeSync(file);
  }
  terminal.err(`${counted(count, thing)} written to ${out}`);
  return EXIT.ok;
}

/** The lines of an NDJSON answer. Throws a Failure if it ends too early. */
export async function* linesOf(body: AsyncIterable<string | Buffer>, thing = 'export'): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest: string[] = [];
  try {
    for await (const chunk of body) {
      const [head = '', ...lines] = (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })).split(
        '\n',
      );
      rest.push(head);
      for (const line of lines) {
        yield rest.join('');
        rest = [line];
      }
    }
  } catch (cause) {
    throw new Failure(incomplete(thing), EXIT.failed, { cause });
  }
  if (rest.join('') !== '') throw new Failure(incomplete(thing));
}

const incomplete = (thing: string): string => `The gateway ended its answer too early: the ${thing} is not complete.`;

/** Only the owner may read the file: it has shoppers' data. */
function opened(file: string): number {
  try {
    return openSync(file, 'w', 0o600);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Failure(`--out: must be a file that can be written, got ${why}`, EXIT.usage, { cause });
  }
}
