import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { tableOf } from '../support/readme.ts';

const ROOMS = readdirSync('server', { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

interface Override {
  readonly includes: readonly string[];
  readonly linter: {
    readonly rules: {
      readonly style?: {
        readonly noRestrictedImports?: {
          readonly options: {
            readonly patterns: readonly { readonly group: readonly string[]; readonly message: string }[];
          };
        };
      };
    };
  };
}

const unquoted = (cell: string): string => cell.replaceAll('`', '');

describe('server/README.md and the rooms', ({ it }) => {
  it('describe every file of the server in its room', () => {
    const folders = ['server', ...ROOMS.map((room) => `server/${room}`)];
    for (const folder of folders) {
      const files = readdirSync(folder, { recursive: folder !== 'server', encoding: 'utf8' });
      const named = tableOf(readFileSync(`${folder}/README.md`, 'utf8'), 'File').map(([cell = '']) => unquoted(cell));
      assert.equal(named.sort(), files.filter((name) => name.endsWith('.ts')).sort(), folder);
    }
  });

  it('say of each room what lint lets it import', () => {
    const rows = tableOf(readFileSync('server/README.md', 'utf8'), 'Room');
    const named = rows.map(([cell = '']) => /\[`(\w+)\/`\]/.exec(cell)?.[1] ?? cell);
    assert.equal([...named].sort(), [...ROOMS].sort());
    const { overrides } = JSON.parse(readFileSync('biome.json', 'utf8')) as { overrides: Override[] };
    for (const [at, room] of named.entries()) {
      const may = [...(rows[at]?.[2] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name);
      const blocks = overrides.filter(({ includes }) => includes.every((path) => path.startsWith(`server/${room}/`)));
      assert.ok(blocks.length > 0, room);
      for (const { linter } of blocks) {
        const forbidden = linter.rules.style?.noRestrictedImports?.options.patterns.flatMap(({ group }) => group) ?? [];
        const others = ROOMS.filter((other) => other !== room && !may.includes(other));
        for (const other of ROOMS)
          assert.is(forbidden.includes(`**/${other}/**`), others.includes(other), `${room} → ${other}`);
      }
      const own = readFileSync(`server/${room}/README.md`, 'utf8');
      const said = [...(/^It may import: (.*), schemas and adapters\.$/m.exec(own)?.[1] ?? '').matchAll(/`(\w+)`/g)];
      assert.equal(
        said.map(([, name]) => name),
        may,
        `server/${room}/README.md`,
      );
    }
  });
});

describe('the pages of the adapters', ({ it }) => {
  const { overrides } = JSON.parse(readFileSync('biome.json', 'utf8')) as { overrides: Override[] };
  const messagesFor = (folder: string): string[] =>
    overrides
      .filter(({ includes }) => includes.includes(`${folder}/**`))
      .flatMap(({ linter }) => linter.rules.style?.noRestrictedImports?.options.patterns ?? [])
      .map(({ message }) => message);

  for (const name of ['logs', 'dialects', 'destinations', 'http']) {
    const folder = `adapters/${name}`;
    const page = readFileSync(`${folder}/README.md`, 'utf8');

    it(`say what ${name}/ may import, as lint does`, () => {
      const said = unquoted(/^It may import: (.*?)\.(?: |$)/m.exec(page)?.[1] ?? '');
      assert.ok(messagesFor(folder).includes(`${folder} may import ${said} only.`), said);
    });

    it(`name every file of ${name}/ and nothing that is gone`, () => {
      const cells = tableOf(page, 'File').flatMap(([cell = '']) =>
        [...cell.matchAll(/`([^`]+)`/g)].map(([, one]) => one),
      );
      const all = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((one) => one.endsWith('.ts'));
      for (const cell of cells) assert.ok(existsSync(`${folder}/${cell}`), `${cell} is gone`);
      // A folder stands for its files.
      assert.equal(
        all.filter((one) => !cells.some((cell) => cell === one || (cell?.endsWith('/') && one.startsWith(cell)))),
        [],
      );
    });
  }
});
