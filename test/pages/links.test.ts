import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { pages } from '../support/pages.ts';
import { tableOf } from '../support/readme.ts';

describe('all pages', ({ it }) => {
  it('say of each package with an install script whether it may run, since npm warns of others', () => {
    const { allowScripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
    const names = Object.keys(packages).filter((path) => packages[path].hasInstallScript);
    assert.equal(Object.keys(allowScripts).sort(), names.map((path) => path.replace(/.*node_modules\//, '')).sort());
  });

  it('give a reason for each dependency, and for no other', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
    const named = tableOf(readFileSync('DEPENDENCIES.md', 'utf8'), 'Package').map(([name = '', why = '']) => {
      assert.ok(why.length > 5, name);
      return name.replaceAll('`', '');
    });
    assert.equal(named, [...Object.keys(dependencies).sort(), ...Object.keys(devDependencies).sort()]);
  });

  it('name scripts that there are, and the command as it is called', () => {
    const { scripts, bin } = JSON.parse(readFileSync('package.json', 'utf8'));
    const text = pages.map((page) => readFileSync(page, 'utf8')).join('\n');
    const named = new Set([...text.matchAll(/npm run (?:-s |--silent )?([\w:]+)/g)].map(([, script = '']) => script));
    assert.ok(named.size >= 8);
    for (const script of named) assert.ok(script in scripts, script);
    assert.equal(Object.keys(bin), ['headless-events']);
    assert.match(readFileSync('README.md', 'utf8'), 'npx headless-events');
  });

  it('name source files that there are', () => {
    const sources = ['adapters', 'schemas', 'server', 'test'].flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => `/${folder}/${name}`),
    );
    const inPage = (page: string): string[] =>
      [...readFileSync(page, 'utf8').matchAll(/`([\w./-]+\.ts)`/g)].map(([, name = '']) => name);
    const missing = pages
      .filter((page) => page !== 'CHANGELOG.md')
      .flatMap((page) =>
        inPage(page).flatMap((name) => (sources.some((path) => path.endsWith(`/${name}`)) ? [] : [`${page}: ${name}`])),
      );
    assert.equal(missing, []);
  });

  for (const page of pages) {
    it(`have links that lead somewhere: ${page}`, () => {
      const text = readFileSync(page, 'utf8');
      for (const [, target = ''] of text.replace(/^```.*?^```$/gms, '').matchAll(/\]\(([^)]+)\)/g)) {
        const [path = '', anchor] = target.split('#');
        if (/^https:/.test(path)) continue;
        const file = path === '' ? page : join(dirname(page), path);
        assert.ok(existsSync(file), `${page}: ${target}`);
        if (anchor !== undefined)
          assert.ok(anchorsOf(readFileSync(file, 'utf8')).includes(anchor), `${page}: ${target}`);
      }
    });
  }
});

const anchorsOf = (page: string): string[] =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
