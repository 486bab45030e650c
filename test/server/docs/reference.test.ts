import Type from 'typebox';
import * as assert from 'uvu/assert';
import { destinations } from '../../../adapters/destinations/index.ts';
import { dialects } from '../../../adapters/dialects/index.ts';
import { type Kind, pipelineSchema, shopSchema } from '../../../schemas/config.ts';
import { Settings } from '../../../schemas/settings.ts';
import { configurationReference } from '../../../server/docs/reference.ts';
import { describe } from '../../support/describe.ts';

const kind: Kind = {
  type: 'parcel',
  description: 'Sends parcels.',
  settings: Type.Object({
    label: Type.String({ description: 'For `a|<b>` and <c>.' }),
    key: Type.Optional(Type.String({ sensitive: true, description: 'Opens.' })),
    tags: Type.Array(Type.Enum(['x', 'y']), { default: [], description: 'Marks.' }),
    size: Type.Integer({ default: 3, minimum: 1, maximum: 9, description: 'In litres.' }),
  }),
};

describe('configuration reference', ({ it }) => {
  it('has a row for every setting, shop and pipeline key and destination setting', () => {
    const reference = configurationReference(destinations, dialects);
    const pipeline = pipelineSchema(destinations);
    const shop = shopSchema(pipeline, []).properties;
    const names = [
      ...Object.keys({ ...Settings.properties, ...shop, ...pipeline.properties }),
      ...dialects.flatMap(({ name, settings }) =>
        Object.keys(settings?.schema.properties ?? {}).map((setting) => `${name}.${setting}`),
      ),
      ...destinations.flatMap(({ settings }) => Object.keys(settings.properties)),
    ];
    assert.ok(names.includes('glood.upstream'));
    for (const name of names) assert.match(reference, `\n| \`${name}\` | `);
    for (const { type } of destinations) assert.match(reference, `### Destination \`${type}\``);
  });

  it('leaves no row without a meaning', () => {
    const rows = configurationReference(destinations, dialects)
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    assert.ok(rows.length > 40);
    for (const row of rows) assert.match(row, /^\| `[^`]+` \| .+ \| .+ \| .{5,} \|$/);
  });

  it('says what is expected, what is the default, what is secret, as Markdown that does not break', () => {
    const reference = configurationReference([kind], dialects);
    assert.is(
      reference.slice(reference.indexOf('### Destination')),
      [
        '### Destination `parcel`',
        '',
        'Sends parcels.',
        '',
        '| Name | Expected | Default | Meaning |',
        '| --- | --- | --- | --- |',
        '| `label` | text | **required** | For `a\\|<b>` and &lt;c>. |',
        '| `key` | text | not set | Opens. Secret. |',
        '| `tags` | a list, each one of x, y | none | Marks. |',
        '| `size` | a whole number from 1 to 9 | `3` | In litres. |',
      ].join('\n'),
    );
  });
});
