#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, Option } from 'commander';
import { version } from '../adapters/version.ts';
import { addBalance } from './cli/balance.ts';
import { type CheckFlags, check } from './cli/check.ts';
import { addDead } from './cli/dead.ts';
import { defaultUrl, examples, type Shell, shapedError } from './cli/flags.ts';
import { addJobs } from './cli/jobs.ts';
import { EXIT, type Exit, Failure, printable, type Terminal } from './cli/output.ts';
import { addPipelines } from './cli/pipelines.ts';
import { addQuarantine } from './cli/quarantine.ts';
import { addReceipt } from './cli/receipt.ts';
import { addReplay } from './cli/replay.ts';
import { type SendFlags, send } from './cli/send.ts';
import { SEND_HELP, SENDABLE } from './cli/send-requests.ts';
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
    .version(version(), '--version', 'say which version this is')
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
  for (const add of commands) add(program, shell);

  try {
    await program.parseAsync(args, { from: 'user' });
    return exit;
  } catch (error) {
    // Asked only after a failure: a command that does not listen for Ctrl-C is ended by it.
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
    if (MISSED.test(error.code)) terminal.err('Add --help to see what there is.');
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

/** What commander calls a command or a flag that it does not know or misses; what was wrong about a value is said in full. */
const MISSED = /^commander\.(unknown|missing|excess|optionMissing)/;

const commands = [
  addCheck,
  addSend,
  addReceipt,
  addTail,
  addPipelines,
  addDead,
  addQuarantine,
  addJobs,
  addReplay,
  addBalance,
  addToken,
];

function addCheck(program: Command, { terminal, end }: Shell): void {
  program
    .command('check')
    .description('say what a start would run with, or every mistake of the configuration at once')
    .argument('[config]', 'path of the configuration; without it what a start would find')
    .option('--against <url>', 'ask a running gateway which pipelines a reload with it would orphan; fails (1) if any')
    .option('--admin-token <token>', "that gateway's ADMIN_TOKEN (default: $ADMIN_TOKEN)")
    .option('--json', 'answer in JSON')
    .addHelpText(
      'after',
      examples(
        'headless-events check',
        'headless-events check gateway.yaml --json',
        'headless-events check gateway.yaml --against http://localhost:3000',
      ),
    )
    .action(async (path: string | undefined, flags: CheckFlags) => end(await check(path, flags, terminal)));
}

function addSend(program: Command, { terminal, end }: Shell): void {
  const spoken = [...SENDABLE.keys()];
  program
    .command('send')
    .description('send one event to a running gateway and say what became of it')
    .option('--url <url>', 'where the gateway listens', defaultUrl(terminal.env))
    .option('--token <token>', "one of the shop's tokens", 'demo-token')
    .addOption(new Option('--dialect <dialect>', 'the contract to speak').choices(spoken).default(spoken[0]))
    .option('--shop <domain>', SEND_HELP.shop)
    .option('--type <type>', SEND_HELP.type)
    .option('--data <json>', SEND_HELP.data)
    .option('--json', 'answer in JSON')
    .addHelpText(
      'after',
      examples(
        'headless-events send',
        `headless-events send --type search --data '{"query":"shirt"}'`,
        'headless-events send --dialect glood --type checkout_completed',
        'headless-events send --dialect glood-init --json',
        'headless-events send --dialect tapcart --type cartAdd',
      ),
    )
    .action(async (flags: SendFlags) => end(await send(flags, terminal)));
}

// Only when started as a program and not imported; its path may be a symbolic link.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await cli(process.argv.slice(2), terminalOf(process, process.env));
}
