import { isDeepStrictEqual } from 'node:util';
import type { Event } from '../../schemas/event.ts';
import type { Reply } from '../support/gateway.ts';
import type { Played } from './play.ts';
import { type Answer, type Expected, type Fields, Matcher, type Speech } from './row.ts';

const successes: Readonly<Record<Speech, Answer>> = {
  layers: { status: 201, body: 'null', headers: { 'content-type': 'application/json' } },
  glood: { status: 200, body: '{"ok":true}', headers: { 'content-type': 'application/json' } },
  tapcart: { status: 200, body: '{"ok":true}' },
  init: { status: 200, body: /"visit_id":"[^"]+"/ },
  other: { status: 200 },
};

/** What of a row came otherwise than it says, in sentences; none if it is as it must be. */
export function mistakes(played: Played): string[] {
  return [...answerMistakes(played), ...mistakesIn(played), ...countMistakes(played)];
}

type Kept = Pick<Played, 'row' | 'events' | 'bodies' | 'quarantined'>;

/** The same of what was delivered and kept alone. */
export const mistakesIn = (kept: Kept): string[] => [...eventMistakes(kept), ...quarantineMistakes(kept)];

function answerMistakes({ row, requests, answers }: Played): string[] {
  const success = successes[requests[0]?.speaks ?? 'other'];
  const asked = requests.reduce((sum, { answers: count = 1 }) => sum + count, 0);
  const given = row.answer === undefined ? [] : [row.answer].flat();
  const wanted = [
    ...Array<Answer>(Math.max(0, asked - Math.max(1, given.length))).fill(success),
    ...(given.length > 0 ? given : [success]),
  ];
  if (answers.length !== wanted.length)
    return [`expected ${wanted.length} answers, got ${answers.length}: ${answers.map(shownReply).join(' | ')}`];
  return answers.flatMap((answer, at) => replyMistakes(answer, wanted[at] ?? success));
}

function replyMistakes(reply: Reply, { status, body, headers = {} }: Answer): string[] {
  const found: string[] = [];
  if (reply.status !== status) found.push(`expected the status ${status}, got ${shownReply(reply)}`);
  const fits = body === undefined || (typeof body === 'string' ? reply.body === body : body.test(reply.body));
  if (!fits) found.push(`expected the body ${body}, got ${shownReply(reply)}`);
  for (const [name, wanted] of Object.entries(headers)) {
    const value = reply.headers[name];
    const isRight = wanted instanceof RegExp ? wanted.test(String(value ?? '')) : value === wanted;
    if (!isRight) found.push(`expected the header ${name}: ${wanted}, got ${value}`);
  }
  return found;
}

const shownReply = ({ status, body }: Reply): string => `${status} ${body.slice(0, 300)}`;

function eventMistakes({ row, events, bodies, quarantined }: Kept): string[] {
  const wanted = row.events ?? (row.event ? [row.event] : []);
  const leaked = (row.secrets ?? []).filter((secret) =>
    [...bodies, ...quarantined.map(({ raw }) => raw)].some((text) => text.includes(secret)),
  );
  const found = leaked.map((secret) => `nobody may get ${secret}, and somebody did: ${bodies.join('\n')}`);
  if (events.length !== wanted.length)
    return [...found, `expected ${wanted.length} events, got ${events.length}: ${JSON.stringify(events)}`];
  return [...found, ...events.flatMap((event, at) => fieldMistakes(event, wanted[at] ?? {}))];
}

function fieldMistakes(event: Event, fields: Fields): string[] {
  return Object.entries({ extra: undefined, ...fields }).flatMap(([key, wanted]) => {
    const value = event[key as keyof Event];
    return fits(value, wanted, event) ? [] : [`expected ${key} to be ${shown(wanted)}, got ${JSON.stringify(value)}`];
  });
}

function fits(value: unknown, wanted: Expected, event: Event): boolean {
  if (wanted instanceof Matcher) return wanted.fits(value, event);
  if (wanted instanceof RegExp) return typeof value === 'string' && wanted.test(value);
  return isDeepStrictEqual(value, wanted);
}

function shown(wanted: Expected): string {
  if (wanted instanceof Matcher) return wanted.words;
  return wanted instanceof RegExp ? String(wanted) : (JSON.stringify(wanted) ?? 'missing');
}

function quarantineMistakes({ row, quarantined }: Kept): string[] {
  const wanted = row.refused ?? [];
  const came = quarantined.map(({ code, reasons }) => `${code}: ${reasons.join('; ')}`).join(' | ');
  if (quarantined.length !== wanted.length)
    return [`expected ${wanted.length} in quarantine, got ${quarantined.length}: ${came}`];
  return wanted.flatMap(({ code, reason }, at) => {
    const { code: found, reasons = [] } = quarantined[at] ?? {};
    const isRight = found === code && reasons.some((text) => reason.test(text));
    return isRight ? [] : [`expected in quarantine ${code}: ${reason}, got ${came}`];
  });
}

/** The counts of the answers must be those of what came. */
function countMistakes({ row, answers, events, quarantined }: Played): string[] {
  const sum = (name: string): number => answers.reduce((all, { headers }) => all + Number(headers[name] ?? 0), 0);
  const counts = [sum('x-events-accepted'), sum('x-events-rejected'), sum('x-events-duplicate')];
  const wanted = [events.length, quarantined.length, row.duplicates ?? 0];
  return isDeepStrictEqual(counts, wanted)
    ? []
    : [`expected the answers to count ${wanted.join(', ')} accepted, rejected, duplicate, got ${counts.join(', ')}`];
}
