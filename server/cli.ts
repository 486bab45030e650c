#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { version } from '../adapters/version.ts';
import { addBalance } from './cli/balance.ts';
import { addDead } from './cli/dead.ts';
import { examples, type Shell, shapedError } from './cli/flags.ts';
import { addJobs } from './cli/jobs.ts';
import { EXIT, type Exit, Failure, printable, type Terminal } from './cli/output.ts';
import { addPipelines } from './cli/pipelines.ts';
import { addQuarantine } from './cli/quarantine.ts';
import { addReceipt } from './cli/receipt.ts';
import { addReplay } from './cli/replay.ts';
import { addTail } from './cli/tail.ts';
import { terminalOf } from './cli/terminal.ts';
import { addToken } from './cli/token.ts';
import { whatFailed } from './config/start-errors.ts';

/** Runs one command and gives its exit code: 0 it worked, 1 it failed, 2 it was called wrongly. */
export async function cli(args: readonly string[], terminal: Terminal): Promise<Exit> {
  let exit: Exit = EXIT.ok;
  const shell: Shell = {
    terminal,
    end: (how) => {
      exit = how;
    },
  };
  const program = new Command('headless-events')
    .description('Looks after a headless events gateway.')
    .version(version(), '--version', 'show the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
      outputError: (text, write) => write(shapedError(text)),
    })
    .addHelpText(
      'after',
      `\nExit codes: 0 it worked, 1 it failed, 2 it was called wrongly.${examples(
        'headless-events send',
        'headless-events tail',
        'headless-events receipt 018f3c9e-7d7b-7c1e-9a33-0c8f6f2b1f5a',
        'headless-events dead --help',
      )}`,
    );
  await addCheck(program, shell, args.includes('check'));
  await addSend(program, shell, args.includes('send'));
  for (const add of commands) add(program, shell);

  try {
    await program.parseAsync(args, { from: 'user' });
    return exit;
  } catch (error) {
    // Asked only after a failure: asking earlier would keep Ctrl-C from ending a command that does not listen for it.
    if (error instanceof Failure && error.exit === EXIT.failed && terminal.interrupted().aborted) {
      terminal.err('Interrupted: this is not complete.');
      return EXIT.failed;
    }
    if (error instanceof Failure) {
      terminal.err(printable(error.message));
      return error.exit;
    }
    if (!(error instanceof CommanderError)) {
      terminal.err(
        `Unexpected error (${whatFailed(error)}). If the command asks a gateway: does one of this version answer at --url?`,
      );
      return EXIT.failed;
    }
    if (MISSED.test(error.code)) terminal.err('Add --help to see the commands and flags.');
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

/** Commander's codes for unknown or missing commands and flags. Messages about values need no hint at --help. */
const MISSED = /^commander\.(unknown|missing|excess|optionMissing)/;

const commands = [addReceipt, addTail, addPipelines, addDead, addQuarantine, addJobs, addReplay, addBalance, addToken];

/** Loads `check` only if it is called: the schemas of the configuration take most of the start time. */
async function addCheck(program: Command, shell: Shell, asked: boolean): Promise<void> {
  const command = program
    .command('check')
    .description('check a configuration: show what a start would run with, or every mistake')
    .argument('[config]', 'path of the configuration (default: the one that a start would find)')
    .option('--json', 'answer in JSON');
  if (asked) (await import('./cli/check.ts')).defineCheck(command, shell);
}

/** Loads `send` only if it is called: its options come from the dialects. */
async function addSend(program: Command, shell: Shell, asked: boolean): Promise<void> {
  const command = program
    .command('send')
    .description('send one event to a running gateway and show what became of it')
    .option('--json', 'answer in JSON');
  if (asked) (await import('./cli/send.ts')).defineSend(command, shell);
}

// Run only when started as a program and not when imported. The path may be a symbolic link.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await cli(process.argv.slice(2), terminalOf(process, process.env));
}
