import Type, { type TObject, type TSchema } from 'typebox';
import { configSchema, type DialectKind, type Kind, pipelineSchema, shopSchema } from '../../schemas/config.ts';
import { Settings } from '../../schemas/settings.ts';
import { expected } from '../config/expected.ts';
import { isSensitive } from '../config/shown.ts';

/** The configuration reference as Markdown: a table each for the environment, the file, shops, pipelines and every destination. */
export function configurationReference(kinds: readonly Kind[], dialects: readonly DialectKind[]): string {
  const pipeline = pipelineSchema(kinds);
  const shop = shopSchema(pipeline, dialects);
  return [
    section('Environment', '', Settings),
    section(
      'Configuration file',
      `YAML or JSON. \`\${NAME}\` in a text stands for an environment variable, \`$\${\` for a plain \`\${\`.`,
      configSchema(kinds, dialects),
    ),
    section('Shop', sentenceOf(shop), shop),
    section('Pipeline', sentenceOf(pipeline), pipeline),
    ...kinds.map((kind) => section(`Destination \`${kind.type}\``, kind.description, kind.settings)),
  ].join('\n\n');
}

function section(title: string, introduction: string, schema: TObject): string {
  const table = ['| Name | Expected | Default | Meaning |', '| --- | --- | --- | --- |', ...rows(schema)].join('\n');
  return [`### ${title}`, introduction, table].filter((part) => part !== '').join('\n\n');
}

function rows(schema: TObject, within = ''): string[] {
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    if (Type.IsObject(property)) return rows(property, `${within}${name}.`);
    const cells = [`\`${within}${name}\``, expected(property), defaultOf(property), meaningOf(property)];
    return [`| ${cells.map(inCell).join(' | ')} |`];
  });
}

function defaultOf(schema: TSchema): string {
  if (!('default' in schema)) return Type.IsOptional(schema) ? 'not set' : '**required**';
  const text = typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default);
  return text === '[]' || text === '{}' ? 'none' : `\`${text}\``;
}

const meaningOf = (schema: TSchema): string => `${sentenceOf(schema)}${isSensitive(schema) ? ' Secret.' : ''}`;

const sentenceOf = (schema: TSchema): string => ('description' in schema ? String(schema.description) : '');

/** Escapes for a table cell: outside of code Markdown reads `<word>` as HTML, and a bar always ends the cell. */
const inCell = (text: string): string =>
  text
    .replaceAll('|', '\\|')
    .split('`')
    .map((part, index) => (index % 2 === 0 ? part.replaceAll('<', '&lt;') : part))
    .join('`');
