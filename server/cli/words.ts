import type { PipelineStanding } from '../../schemas/pipeline-state.ts';
import { number } from './table.ts';

/** `2026-06-01 12:00:00 UTC`, from an ISO time. Any other text stays as it is. */
export function timeText(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return date
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');
}

/** `1 event`, `1,234 events`. */
export const counted = (count: number, thing: string): string => `${number(count)} ${thing}${count === 1 ? '' : 's'}`;

/** `consent 3, type 12`; `-` for nothing. */
export function byReason(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).filter(([, count]) => count !== 0);
  return entries.length === 0 ? '-' : entries.map(([reason, count]) => `${reason} ${number(count)}`).join(', ');
}

/** `2 d 3 h`, `5 min 10 s`, `0 s`: the two largest units. */
export function durationText(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ');
}

/** Why a pipeline is stopped or failing, since when it has been failing (unless its state says that), and when it is tried again. */
export const troubleOf = (standing: PipelineStanding): string[] => [
  ...(standing.reason === undefined ? [] : [standing.reason]),
  ...(standing.failing_since === undefined || standing.state === 'failing'
    ? []
    : [`failing since ${timeText(standing.failing_since)}`]),
  ...(standing.failed_attempts === 0 ? [] : [counted(standing.failed_attempts, 'failed attempt')]),
  ...(standing.next_attempt_at === undefined ? [] : [`next try ${timeText(standing.next_attempt_at)}`]),
];
