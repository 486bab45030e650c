import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { temporaryFolder } from '../support/folder.ts';

/** Where `npm run engines` puts it; elsewhere `SCHEMATHESIS` says where it is. */
const PATH = process.env.SCHEMATHESIS ?? resolve('.engines/python/bin/schemathesis');

/** What schemathesis can be asked to find wrong. */
export type Check =
  | 'not_a_server_error'
  | 'status_code_conformance'
  | 'content_type_conformance'
  | 'response_schema_conformance'
  | 'response_headers_conformance'
  | 'positive_data_acceptance'
  | 'negative_data_rejection'
  | 'unsupported_method';

export interface Trial {
  /** An OpenAPI document. */
  readonly document: object;
  /** Where what it describes listens. */
  readonly url: string;
  /** Whether what is sent fits the document. */
  readonly mode: 'positive' | 'negative';
  readonly checks: readonly Check[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Random requests per operation, in the phase of fuzzing. */
  readonly examples: number;
  readonly seed?: number;
  /** `coverage`: the bounds of each schema, one after the other. */
  readonly phases?: readonly ('examples' | 'coverage' | 'fuzzing')[];
}

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly sent: string;
  readonly status: number;
  readonly answer: string;
}

export interface Finding {
  /** What schemathesis says; empty where it found nothing. */
  readonly complaint: string;
  readonly exchanges: readonly Exchange[];
}

/** Sends what a document allows, or what it forbids, and looks at the answers. The same seed sends the same. Throws where schemathesis is missing or breaks. */
export async function fuzz(trial: Trial, program = PATH): Promise<Finding> {
  if (!existsSync(program))
    throw new Error(
      `expected schemathesis at ${program}, found nothing: run \`npm run engines\` (python3 with venv: apt-get install python3-venv), or say where it is in SCHEMATHESIS`,
    );
  const folder = temporaryFolder();
  try {
    writeFileSync(join(folder.path, 'document.json'), JSON.stringify(trial.document));
    const { code, output } = await run(program, argumentsOf(trial), folder.path);
    // 0 it found nothing, 1 it found something; anything else is no result.
    const said = /\d+ generated/.test(output);
    if ((code !== 0 && code !== 1) || !said) throw new Error(`schemathesis ended with ${code}:\n${output}`);
    return { complaint: code === 0 ? '' : output, exchanges: exchangesIn(join(folder.path, 'answers.har')) };
  } finally {
    folder.remove();
  }
}

function argumentsOf({
  url,
  mode,
  checks,
  headers = {},
  examples,
  seed = 1,
  phases = ['examples', 'coverage', 'fuzzing'],
}: Trial): string[] {
  const options: readonly (readonly [string, string | number])[] = [
    ['--url', url],
    ['--mode', mode],
    ['--checks', checks.join(',')],
    ['--phases', phases.join()],
    ['--max-examples', examples],
    ['--seed', seed],
    ['--generation-database', 'none'],
    ['--warnings', 'off'],
    ['--request-timeout', 10],
    ['--report', 'har'],
    ['--report-har-path', 'answers.har'],
    ['--output-sanitize', 'false'],
    ...Object.entries(headers).map(([name, value]) => ['--header', `${name}: ${value}`] as const),
  ];
  return ['--no-color', 'run', 'document.json', '--continue-on-failure', ...options.flat().map(String)];
}

function run(program: string, args: readonly string[], cwd: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, args, { cwd, env: { PATH: process.env.PATH, PYTHONUTF8: '1' } });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ code, output }));
  });
}

interface Archive {
  readonly log: {
    readonly entries: readonly {
      readonly request: {
        readonly method: string;
        readonly url: string;
        readonly postData?: { readonly text?: string };
      };
      readonly response: { readonly status: number; readonly content: { readonly text?: string } };
    }[];
  };
}

function exchangesIn(file: string): Exchange[] {
  const { log } = JSON.parse(readFileSync(file, 'utf8')) as Archive;
  return log.entries.map(({ request, response }) => ({
    method: request.method,
    path: new URL(request.url).pathname,
    sent: request.postData?.text ?? '',
    status: response.status,
    answer: response.content.text ?? '',
  }));
}
