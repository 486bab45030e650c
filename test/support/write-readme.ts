import { writeFileSync } from 'node:fs';
import { generatedPages, withGeneratedParts } from './readme.ts';

// Pages are read without a build, so what is generated stands in them; test/pages/configuration.test.ts says when it is outdated.
for (const page of generatedPages) writeFileSync(page, withGeneratedParts(page));
