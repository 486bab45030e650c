#!/usr/bin/env node
import { randomUUID } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, Option } from 'commander';
import { check } from './cli/check.ts';
import { EXIT, type Exit, type Terminal } from './cli/output.ts';
import { type SendFlags, send } from './cli/send.ts';

/** Runs one command and gives its exit code: 0 it worked, 1 it did not, 2 the call was wrong. */
export async function cli(args: readonly string[], terminal: Terminal): Promise<Exit> {
  let exit: Exit = EXIT.ok;
  const program = new Command('headless-events')
    .description('Looks after a headless events gateway.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    });

  program
    .command('check')
    .description('say what a start would run with, or every mistake of the configuration at once')
    .argument('[config]', 'path of the configuration; without it what a start would find')
    .option('--json', 'answer in JSON')
    .addHelpText('after', examples('headless-events check', 'headless-events check gateway.yaml --json'))
    .action((path: string | undefined, flags: { json?: boolean }) => {
      exit = check(path, flags, terminal);
    });

  program
    .command('send')
    .description('send one event to a running gateway and say what became of it')
    .option('--url <url>', 'where the gateway listens', `http://localhost:${terminal.env.PORT ?? 3000}`)
    .option('--token <token>', "one of the shop's tokens", 'demo-token')
    .addOption(
      new Option('--dialect <dialect>', 'the contract to speak').choices(['layers', 'glood']).default('layers'),
    )
    .option('--shop <domain>', 'the shop to name (glood)', 'demo.myshopify.com')
    .option('--type <type>', 'type of the event (product_view; page_viewed for glood)')
    .option('--data <json>', 'fields of the event as a JSON object')
    .option('--json', 'answer in JSON')
    .addHelpText(
      'after',
      examples(
        'headless-events send',
        `headless-events send --type search --data '{"query":"shirt"}'`,
        'headless-events send --dialect glood --json',
      ),
    )
    .action(async (flags: SendFlags) => {
      exit = await send(flags, terminal);
    });

  try {
    await program.parseAsync(args, { from: 'user' });
    return exit;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;

// Started as a program, not imported; npx starts it through a link.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const terminal: Terminal = {
    out: console.log,
    err: console.error,
    env: process.env,
    now: Date.now,
    randomId: randomUUID,
  };
  process.exitCode = await cli(process.argv.slice(2), terminal);
}
