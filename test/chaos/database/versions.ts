import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { migrations, SCHEMA } from '../../../adapters/logs/postgres/schema.ts';
import { startPostgres } from '../../support/postgres.ts';
import { copyBuild } from '../build-copy.ts';
import { type Finding, none } from '../findings.ts';
import { pause } from '../random.ts';
import type { Fault } from './fault.ts';
import { refusal } from './gateways.ts';
import { underLoad } from './run.ts';

const START_MS = 10_000;
const known = Math.max(...migrations.map(({ number }) => number));

/** What versions to come may do to the database: the first adds to it, the second leaves the form that is known today. */
const additive = {
  number: known + 1,
  name: 'a note',
  worksFrom: known,
  sql: `alter table ${SCHEMA}.pages add column note text`,
};
const breaking = { number: known + 2, name: 'another form', worksFrom: known + 2, sql: 'select 1' };
const REFUSAL = `the database was migrated to "${breaking.name}" (${breaking.number}) by a newer version`;

/** A newer version starts beside the old one, which goes on; and where it has taken the database too far, no old one starts any more. */
export const versions: Fault = {
  name: 'versions',
  seconds: { usual: 10, short: 2 },
  async play(options) {
    const postgres = await startPostgres();
    try {
      const rules = { slowestSeconds: 10, breaks: true };
      return await underLoad(options, await postgres.createDatabase(), rules, async (run) => {
        const newer = await run.start({}, buildWith([additive], options.entry, join(options.folder, 'newer')));
        await newer.ready();
        run.front.to(newer.port);
        await run.acked(Date.now());
        run.front.to(run.gateway.port, newer.port);
        await pause(options.seconds * 1000);
        const newest = buildWith([additive, breaking], options.entry, join(options.folder, 'newest'));
        await (await run.start({}, newest)).ready();
        const words = await refusal(await run.start(), START_MS);
        run.front.to(run.gateway.port);
        await run.acked(Date.now());
        return [clearlyRefused(words)];
      });
    } finally {
      await postgres.stop();
    }
  },
};

function clearlyRefused(words: string | undefined): Finding {
  const right = words?.includes(REFUSAL) && words.includes('deploy that version');
  return none('MESSAGE', 'an old version that started, or did not say why not', right ? [] : [words ?? 'it started']);
}

/** A copy of a build that knows more migrations. Gives its main.js. */
function buildWith(more: readonly object[], entry: string, folder: string): string {
  mkdirSync(folder);
  const copy = copyBuild(entry, folder);
  appendFileSync(
    join(dirname(copy), '../adapters/logs/postgres/schema.js'),
    `\nmigrations.push(...${JSON.stringify(more)});\n`,
  );
  return copy;
}
