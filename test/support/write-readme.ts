import { readFileSync, writeFileSync } from 'node:fs';
import { withGeneratedParts } from './readme.ts';

// The README is read without a build, so what is generated stands in it; test/readme.test.ts says when it is outdated.
writeFileSync('README.md', withGeneratedParts(readFileSync('README.md', 'utf8')));
