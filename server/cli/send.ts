import { type Command, Option } from 'commander';
import fetch, { type Response } from 'node-fetch';
import type { Sample } from '../../adapters/dialects/sample.ts';
import { field, isRecord, items } from '../base/unknown-values.ts';
import { baseOf, isRedirect, noAnswerFailure, notAGateway, redirectFailure } from './client.ts';
import { defaultUrl, examples, type Shell } from './flags.ts';
import { EXIT, type Exit, show, type Terminal } from './output.ts';
import { requestOf, SEND_HELP, SENDABLE } from './send-requests.ts';
import { answeredWords, type Outcome, outcomeWords } from './send-words.ts';

export interface SendFlags {
  readonly url: string;
  readonly token: string;
  readonly dialect: string;
  readonly shop?: string;
  readonly type?: string;
  /** JSON object with fields for the event, or for the body around it if the body is one event. */
  readonly data?: string;
  readonly json?: boolean;
}

/** Adds the options and the action. */
export function defineSend(command: Command, { terminal, end }: Shell): void {
  const spoken = [...SENDABLE.keys()];
  command
    .option('--url <url>', 'where the gateway listens', defaultUrl(terminal.env))
    .option('--token <token>', "one of the shop's tokens", 'demo-token')
    .addOption(new Option('--dialect <dialect>', 'the contract to speak').choices(spoken).default(spoken[0]))
    .option('--shop <domain>', SEND_HELP.shop)
    .option('--type <type>', SEND_HELP.type)
    .option('--data <json>', SEND_HELP.data)
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

const TIMEOUT_MS = 15_000;
const LARGEST_ANSWER_BYTES = 1_000_000;

/** Sends one event to a gateway and shows the result. Throws a Failure if something else answers. */
export async function send({ data, ...flags }: SendFlags, terminal: Terminal): Promise<Exit> {
  const fields = fieldsOf(data);
  if (fields === undefined) {
    terminal.err(`--data: must be a JSON object, got ${data}`);
    return EXIT.usage;
  }
  const { path, headers, body, id, sample } = requestOf({ ...flags, fields }, terminal);
  const base = baseOf(flags.url);
  const response = await post(base, new URL(`${path}?verbose=1`, base), headers, body);
  if (isRedirect(response)) throw redirectFailure(base, response);
  const { text, answer } = await answerIn(base, response);
  const { status } = response;
  const request_id = response.headers.get('x-request-id') ?? '';
  if (id === undefined && response.ok) return answered({ status, request_id, answer, sample }, flags, terminal);

  const verdict = verdictIn(answer);
  // A gateway gives a verdict for everything it stores and a reason for everything it refuses.
  if (response.ok ? verdict === undefined : !isRecord(answer)) throw notAGateway(base, response);
  const kind = verdict?.verdict ?? 'refused';
  const reasons = verdict?.reasons ?? messagesIn(answer);
  const waitSeconds = response.headers.get('retry-after') ?? undefined;
  const outcome: Outcome = { status, id, verdict: kind, reasons, requestId: request_id, waitSeconds };
  show(terminal, flags.json, { status, event_id: id, verdict: kind, request_id, answer: text }, outcomeWords(outcome));
  return verdict !== undefined && verdict.verdict !== 'rejected' ? EXIT.ok : EXIT.failed;
}

/** Shows the answer to a call without events. The token is left out of it: the sender knows it. */
function answered(
  { status, request_id, answer, sample }: { status: number; request_id: string; answer: unknown; sample: Sample },
  { json }: Pick<SendFlags, 'json'>,
  terminal: Terminal,
): Exit {
  const { token: _, ...said } = Object(answer) as Readonly<Record<string, unknown>>;
  show(terminal, json, { status, verdict: 'answered', request_id, answer: JSON.stringify(said) }, [
    ...answeredWords(status, sample.told?.(said), request_id),
  ]);
  return EXIT.ok;
}

/** Reads the answer as JSON, which every answer of a gateway to these paths is. */
async function answerIn(base: URL, response: Response): Promise<{ readonly text: string; readonly answer: unknown }> {
  try {
    const text = await response.text();
    return { text, answer: JSON.parse(text) };
  } catch (cause) {
    throw notAGateway(base, response, { cause });
  }
}

interface EventVerdict {
  readonly verdict: string;
  readonly reasons: readonly string[];
}

function verdictIn(answer: unknown): EventVerdict | undefined {
  const [first] = items(field(answer, 'events'));
  const verdict = field(first, 'verdict');
  if (typeof verdict !== 'string') return undefined;
  return { verdict, reasons: items(field(first, 'reasons')).map(String) };
}

/** The reasons of a refusal, in the shape of any dialect. */
const messagesIn = (answer: unknown): readonly string[] =>
  [...items(field(answer, 'errors')), field(answer, 'message'), field(answer, 'error')]
    .filter((one): one is string => typeof one === 'string')
    .slice(0, 10);

function fieldsOf(data = '{}'): Record<string, unknown> | undefined {
  try {
    const fields: unknown = JSON.parse(data);
    return typeof fields === 'object' && fields !== null && !Array.isArray(fields) ? { ...fields } : undefined;
  } catch {
    return undefined;
  }
}

/** Does not follow redirects: the token in the headers is for this address only. */
async function post(base: URL, url: URL, headers: Readonly<Record<string, string>>, body: unknown): Promise<Response> {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
      redirect: 'manual',
      size: LARGEST_ANSWER_BYTES,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    throw noAnswerFailure(base, cause, TIMEOUT_MS);
  }
}
