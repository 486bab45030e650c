import { writeFileSync } from 'node:fs';
import { openapi } from '../../server/docs/openapi.ts';
import { examples } from './examples.ts';

// The document is written once and read at start: its examples are the tests' fixtures, which a deployment does not carry.
writeFileSync('server/docs/openapi.json', `${JSON.stringify(openapi(examples()), null, 2)}\n`);
