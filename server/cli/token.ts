import { hash } from 'node:crypto';
import type { Command } from 'commander';
import { examples, type Shell } from './flags.ts';
import { EXIT, type Exit, show, type Terminal } from './output.ts';

export function addToken(program: Command, { terminal, end }: Shell): void {
  program
    .command('token')
    .description('make a random token; it is shown once and stored nowhere')
    .option('--admin', "make one for the gateway's ADMIN_TOKEN instead of a shop")
    .option('--json', 'answer in JSON')
    .addHelpText('after', examples('headless-events token', 'headless-events token --admin'))
    .action((flags: TokenFlags) => end(token(flags, terminal)));
}

interface TokenFlags {
  readonly admin?: boolean;
  readonly json?: boolean;
}

const BYTES = 32;

/** Hex digits need no quoting in shells, headers and URLs. */
function token({ admin, json }: TokenFlags, terminal: Terminal): Exit {
  const made = terminal.randomHex(BYTES);
  const digest = `sha256:${hash('sha256', made, 'hex')}`;
  if (admin) {
    show(terminal, json, { token: made }, [
      made,
      '',
      `Start the gateway with ADMIN_TOKEN=${made}`,
      'and set the same where you run headless-events. It will not be shown again.',
    ]);
  } else {
    show(terminal, json, { token: made, digest }, [
      made,
      '',
      'Give that to the storefront, and this to the configuration (under tokens or serverTokens):',
      digest,
      'The token will not be shown again.',
    ]);
  }
  return EXIT.ok;
}
