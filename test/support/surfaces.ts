import { isDeepStrictEqual } from 'node:util';
import type { PipelineReport } from '../../schemas/admin-api/pipelines.ts';
import type { Receipt } from '../../schemas/admin-api/receipts.ts';
import { call, SHOP } from './gateway.ts';
import type { Started } from './main.ts';
import { runCli } from './terminal.ts';

/** What one surface says of a pipeline. Times in whole seconds since 1970, as the coarsest of them shows. What it has no word for is left out. */
export interface Said {
  readonly state?: string | undefined;
  readonly since?: number | undefined;
  readonly failing_since?: number | undefined;
  readonly failed_attempts?: number | undefined;
  readonly last_success?: number | undefined;
  readonly pending?: number | undefined;
  readonly lag?: number | undefined;
  readonly reason?: string | undefined;
}

/** By its name. Undefined: it does not know the pipeline. */
export type Surfaces = Readonly<Record<string, Said | undefined>>;

export interface Asked {
  /** The port of the web process, and the token of its admin API. */
  readonly port: number;
  readonly token: string;
  /** The process that moves pipelines: its log lines are the log. */
  readonly mover: Started | undefined;
  readonly pipeline: string;
  /** An event that the pipeline has yet to pass; without it no receipt says how the pipeline does. */
  readonly eventId?: string | undefined;
}

/** What surfaces may differ in: the age of what waits is another at each look. */
const LAG_SECONDS = 4;

/** Asks every surface how a pipeline does. */
export async function askAll({ port, token, mover, pipeline, eventId }: Asked): Promise<Surfaces> {
  const get = async (path: string): Promise<string> =>
    (await call(port, { method: 'GET', path, headers: { authorization: `Bearer ${token}` } })).body;
  const cli = async (...args: string[]): Promise<string> =>
    (await runCli(args, { env: { PORT: String(port), ADMIN_TOKEN: token } })).out;
  const named = <T extends { readonly pipeline: string }>(all: readonly T[]): T | undefined =>
    all.find((one) => one.pipeline === pipeline);
  const [table, json, ready, metrics] = await Promise.all([
    cli('pipelines'),
    cli('pipelines', '--json'),
    get('/readyz'),
    get('/metrics'),
  ]);
  const listed = named((JSON.parse(json) as { pipelines: PipelineReport[] }).pipelines);
  const health = named((JSON.parse(ready) as { pipelines: PipelineReport[] }).pipelines);
  return {
    ...(mover && { log: loggedOf(mover.lines(), pipeline) }),
    'pipelines (table)': rowOf(table, pipeline),
    'pipelines (JSON)': listed && saidBy(listed),
    '/readyz': health && saidBy(health),
    '/metrics': metricsOf(metrics, pipeline),
    ...(eventId !== undefined && (await receiptOf(eventId, pipeline, get, cli))),
  };
}

async function receiptOf(
  eventId: string,
  pipeline: string,
  get: (path: string) => Promise<string>,
  cli: (...args: string[]) => Promise<string>,
): Promise<Surfaces> {
  const { receipts } = JSON.parse(await get(`/admin/receipts/${eventId}`)) as { receipts: Receipt[] };
  const found = receipts[0]?.pipelines?.find((one) => one.pipeline === pipeline);
  const story = (await cli('receipt', eventId)).split('\n').find((line) => line.trim().startsWith(`${pipeline} `));
  return {
    'receipt (JSON)': found?.state === 'pending' ? saidBy(found.standing) : undefined,
    'receipt (story)': story === undefined ? undefined : storyOf(story),
  };
}

/** What the log must say too. */
const LOUD = ['failing', 'suspended', 'orphaned'];

/** Where surfaces contradict one another, a line for each that differs from most. */
export function contradictions(surfaces: Surfaces): string[] {
  const said = Object.entries(surfaces);
  const known = said.filter(([, one]) => one !== undefined).length;
  const unknown = said.filter(([name, one]) => one === undefined && name !== 'log').map(([name]) => name);
  if (known <= unknown.length) return [];
  const state = mostOf(said.flatMap(([, one]) => one?.state ?? []));
  const silent = 'log' in surfaces && surfaces.log === undefined && LOUD.includes(String(state));
  return [
    ...(silent ? [`log says nothing, the others ${state}`] : []),
    ...unknown.map((name) => `${name} does not know the pipeline`),
    ...FIELDS.flatMap((field) => {
      const words = said.flatMap(([name, one]) => (one && field in one ? [{ name, value: one[field] }] : []));
      const values = words.map(({ value }) => value);
      const most = field === 'lag' ? medianOf(values) : mostOf(values);
      return words
        .filter(({ value }) => !isSame(field, value, most))
        .map(({ name, value }) => `${name} says ${field} ${shown(value)}, the others ${shown(most)}`);
    }),
  ];
}

const FIELDS = [
  ...(['state', 'since', 'failing_since', 'failed_attempts', 'last_success'] as const),
  ...(['pending', 'lag', 'reason'] as const),
];

const shown = (value: unknown): string => (value === undefined ? 'nothing' : String(value));

function isSame(field: keyof Said, value: unknown, other: unknown): boolean {
  if (field !== 'lag') return isDeepStrictEqual(value, other);
  return typeof value === 'number' && typeof other === 'number' && Math.abs(value - other) <= LAG_SECONDS;
}

const medianOf = (values: readonly unknown[]): unknown =>
  [...values].sort((a, b) => Number(a) - Number(b))[Math.floor(values.length / 2)];

function mostOf(values: readonly unknown[]): unknown {
  const count = (value: unknown) => values.filter((other) => isDeepStrictEqual(value, other)).length;
  return [...values].sort((a, b) => count(b) - count(a))[0];
}

const seconds = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : Math.floor(Date.parse(time) / 1000);

const saidBy = (
  standing: Omit<PipelineReport, 'shop' | 'pipeline' | 'position' | 'delivered' | 'dead' | 'filtered' | 'dropped'>,
): Said => ({
  state: standing.state,
  since: seconds(standing.since),
  failing_since: seconds(standing.failing_since),
  failed_attempts: standing.failed_attempts,
  last_success: seconds(standing.last_success_at),
  pending: standing.pending,
  lag: standing.lag_seconds,
  reason: standing.reason,
});

/** `2026-06-01 12:00:00 UTC`; `-` is none. */
const shownTime = (text: string | undefined): number | undefined =>
  text === undefined || text === '-' ? undefined : seconds(text.replace(' ', 'T').replace(' UTC', 'Z'));

/** `1 d 2 h`, `5 min 10 s`. */
function lastingOf(text: string): number {
  const units: Readonly<Record<string, number>> = { d: 86_400, h: 3600, min: 60, s: 1 };
  return [...text.matchAll(/(\d+) (d|h|min|s)\b/g)].reduce(
    (sum, [, n, unit = 's']) => sum + Number(n) * (units[unit] ?? 0),
    0,
  );
}

/** What a note or a story says in words beside the state. */
const trouble = (text: string): Pick<Said, 'failed_attempts'> => ({
  failed_attempts: Number(/(\d+) failed attempts?/.exec(text)?.[1] ?? 0),
});

function rowOf(table: string, pipeline: string): Said | undefined {
  const [headings = '', ...rows] = table.split('\n');
  const row = rows.find((one) => new RegExp(`^${SHOP} +${pipeline} `).test(one));
  if (row === undefined) return undefined;
  const starts = [...headings.matchAll(/\S+(?: \S+)*/g)].map(({ index, 0: name }) => ({ index, name }));
  // A column of numbers is written to the right: its text may begin before the next heading and ends with its own.
  const cell = (name: string): string => {
    const at = starts.findIndex((one) => one.name === name);
    return row.slice(starts[at]?.index ?? 0, starts[at + 1]?.index).trim();
  };
  const state = cell('STATE');
  const since = shownTime(cell('SINCE'));
  return {
    ...{ state, since, lag: lastingOf(cell('LAG')), pending: Number(cell('PENDING')) },
    ...{ last_success: shownTime(cell('LAST SUCCESS')), ...trouble(cell('NOTE')) },
    ...(state === 'failing' && { failing_since: since }),
  };
}

function storyOf(line: string): Said | undefined {
  const [, state, since] = /the pipeline is (\w+)(?: since ([\d: -]+ UTC))?/.exec(line) ?? [];
  if (state === undefined) return undefined;
  const success = /last success ([\d: -]+ UTC)/.exec(line)?.[1];
  return {
    ...{ state, since: shownTime(since), last_success: shownTime(success), ...trouble(line) },
    lag: lastingOf(/lag ([\w ]+)/.exec(line)?.[1] ?? ''),
  };
}

function metricsOf(page: string, pipeline: string): Said | undefined {
  const labels = `shop="${SHOP}",pipeline="${pipeline}"`;
  const state = new RegExp(`^gateway_pipeline_state\\{${labels},state="(\\w+)"\\} 1$`, 'm').exec(page)?.[1];
  if (state === undefined) return undefined;
  const figure = (name: string): number =>
    Number(new RegExp(`^gateway_pipeline_${name}\\{${labels}\\} (\\S+)$`, 'm').exec(page)?.[1]);
  const time = (name: string): number | undefined => Math.floor(figure(`${name}_seconds`)) || undefined;
  return {
    ...{ state, since: time('state_since'), failing_since: time('failing_since'), last_success: time('last_success') },
    ...{ failed_attempts: figure('failed_attempts'), pending: figure('pending'), lag: figure('lag_seconds') },
  };
}

/** The last word of the log about a pipeline. While no process moves it there is nobody to say anything. */
function loggedOf(lines: readonly Record<string, unknown>[], pipeline: string): Said | undefined {
  const about = lines.filter((line) => line.pipeline === pipeline && line.shop === SHOP && line.level !== 'debug');
  const last = about.findLast(({ msg, state }) => state !== undefined || msg === 'pipeline recovered');
  if (last === undefined || last.msg === 'pipeline recovered') return undefined;
  const time = (value: unknown): number | undefined => (typeof value === 'string' ? seconds(value) : undefined);
  const failing = time(last.failing_since);
  return {
    state: String(last.state),
    since: time(last.since) ?? failing,
    ...(last.state === 'failing' && { failing_since: failing, reason: String(last.reason) }),
  };
}
