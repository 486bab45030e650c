import { readFileSync } from 'node:fs';
import Type from 'typebox';
import { destinations } from '../../adapters/destinations/index.ts';
import { dialects } from '../../adapters/dialects/index.ts';
import { Event } from '../../schemas/event.ts';
import { PIPELINE_STATES, PipelineStanding } from '../../schemas/pipeline-state.ts';
import { expected } from '../../server/config/expected.ts';
import { configurationReference } from '../../server/docs/reference.ts';

/** A fenced block of a page: its language, the words after that (`sh run`, `text answer`), and what it holds. */
export interface Block {
  readonly language: string;
  readonly role: string;
  readonly text: string;
}

export function blocksOf(page: string): Block[] {
  const fences = page.matchAll(/^```(\w+)(?: (\w+))?\n(.*?)^```$/gms);
  return [...fences].map(([, language = '', role = '', text = '']) => ({ language, role, text }));
}

/** The one block with this role. Throws where there are none or several. */
export function blockOf(blocks: readonly Block[], role: string): string {
  const [found, ...more] = blocks.filter((one) => one.role === role);
  if (found === undefined || more.length > 0)
    throw new Error(`expected one block marked ${role}, got ${more.length + (found ? 1 : 0)}`);
  return found.text;
}

/** The scripts marked with this role, each with the answer that stands after it. Throws where one has none. */
export function runsOf(blocks: readonly Block[], role: string): { script: string; answer: string }[] {
  return blocks.flatMap((block, at) => {
    if (block.role !== role) return [];
    const next = blocks[at + 1];
    if (next?.role !== 'answer') throw new Error(`expected an answer after ${block.text}`);
    return [{ script: block.text, answer: next.text }];
  });
}

/** What differs from run to run is the same: ids, times, ends of lines. */
export const plain = (text: string): string =>
  text
    .replaceAll('\r', '')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>')
    .replace(/\b[0-9a-z]{8}-[0-9a-f]{10}\b/g, '<id>')
    .replace(/20\d\d-\d\d-\d\d(T[\d:.]+Z| [\d:]+ UTC)/g, '<time>')
    .replace(/^\d\d:\d\d:\d\d\.\d{3}/gm, '<time>')
    .trim();

/** A line of … stands for any lines, a … within a line for any text of that line. */
export function shape(answer: string): RegExp {
  const literal = answer.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replace(/^…$/gm, '[\\s\\S]*?').replaceAll('…', '.*')}$`);
}

/** The rows of the table that begins with this heading cell, each as its cells without the bars. */
export function tableOf(page: string, firstHeading: string): string[][] {
  const lines = page.split('\n');
  const tables = lines.flatMap((line, at) => (line.startsWith(`| ${firstHeading} |`) ? [lines.slice(at + 2)] : []));
  return tables.flatMap((table) => {
    const end = table.findIndex((line) => !line.startsWith('|'));
    return table.slice(0, end < 0 ? undefined : end).map(cellsOf);
  });
}

const cellsOf = (row: string): string[] =>
  row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());

/** The parts that are made from sources, by the page where each stands between `<!-- name -->` and `<!-- /name -->`. */
const generated: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'server/config/README.md': {
    example: () => `\`\`\`yaml\n${readFileSync('gateway.example.yaml', 'utf8')}\`\`\``,
    reference: () => configurationReference(destinations, dialects),
  },
  'schemas/README.md': { event: eventTable, names: nameTable },
  'server/operate/README.md': { states: stateTable, standing: standingTable },
};

export const generatedPages: readonly string[] = Object.keys(generated);

/** The text of a page, with its generated parts as the sources say they are. */
export function withGeneratedParts(path: string): string {
  const parts = Object.entries(generated[path] ?? {});
  return parts.reduce((text, [name, part]) => withPart(text, name, part()), readFileSync(path, 'utf8'));
}

function stateTable(): string {
  const rows = Object.entries(PIPELINE_STATES).map(([state, meaning]) => `| \`${state}\` | ${meaning} |`);
  return ['| A pipeline is | when |', '| --- | --- |', ...rows].join('\n');
}

function standingTable(): string {
  const rows = Object.entries(PipelineStanding.properties).map(([name, property]) => {
    const meaning = 'description' in property && name !== 'state' ? String(property.description) : 'As above.';
    return `| \`${name}\` | ${meaning} |`;
  });
  return ['| Field | Meaning |', '| --- | --- |', ...rows].join('\n');
}

/** The page with this between `<!-- name -->` and `<!-- /name -->`. Throws where it has no such pair. */
export function withPart(page: string, name: string, part: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`expected ${begin} … ${end} in the page, found no such pair`);
  return `${page.slice(0, from)}${begin}\n\n${part}\n\n${page.slice(to)}`;
}

/** Each canonical type with the names that become it, dialect by dialect. */
function nameTable(): string {
  const types = new Set(dialects.flatMap(({ names }) => Object.values(names)));
  const namesFor = (type: string) =>
    dialects.map(({ names }) =>
      Object.keys(names)
        .filter((name) => names[name] === type)
        .map(quoted)
        .join(', '),
    );
  return [
    `| Type | ${dialects.map(({ name }) => name.replace(/^./, (letter) => letter.toUpperCase())).join(' | ')} |`,
    `| --- |${' --- |'.repeat(dialects.length)}`,
    ...[...types].map((type) => `| ${quoted(type)} | ${namesFor(type).join(' | ')} |`),
  ].join('\n');
}

const quoted = (name: string): string => `\`${name}\``;

function eventTable(): string {
  const rows = Object.entries(Event.properties).map(([name, schema]) => {
    const presence = Type.IsOptional(schema) ? '' : 'always';
    const meaning = 'description' in schema ? String(schema.description) : '';
    return `| \`${name}\` | ${expected(schema)} | ${presence} | ${meaning.replaceAll('|', '\\|')} |`;
  });
  return ['| Field | Value | There | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
