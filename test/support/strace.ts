import { spawnSync } from 'node:child_process';

/** What happens to one system call of a program, from its `when`th on. Each thread has a count of its own. */
export interface Injection {
  readonly call: 'fdatasync' | 'pwrite64' | 'write' | 'writev';
  readonly when: number;
  /** The process is killed as the call begins; the call fails; or it begins so much later. */
  readonly fault: 'kill' | 'EIO' | { readonly delayMs: number };
}

/**
 * The words that start a program to which this happens. The program is the child itself; strace is only its tracer, and goes when
 * it goes. `trace`: a file for every such call, with its time and what it was for, as `firstFailed` reads it.
 */
export const under = ({ call, when, fault }: Injection, trace?: string): readonly string[] => [
  'strace',
  ...['-D', '-f', '-q', ...(trace === undefined ? ['-o', '/dev/null'] : ['-ttt', '-y', '-o', trace])],
  // Then other calls are as quick as ever. But strace 6.1 loses the signals that it injects so.
  ...(fault === 'kill' ? [] : ['--seccomp-bpf']),
  ...['-e', `trace=${call}`],
  ...['-e', `inject=${call}:${worded(fault)}:when=${when}+`],
];

function worded(fault: Injection['fault']): string {
  if (fault === 'kill') return 'signal=SIGKILL';
  if (fault === 'EIO') return 'error=EIO';
  return `delay_enter=${fault.delayMs * 1000}`;
}

/**
 * When a call on this file was first made to fail, in milliseconds since 1970; undefined where none was. That is when it began: it fails
 * at once, and its line is written before the program goes on. Pure.
 */
export function firstFailed(trace: string, file: string): number | undefined {
  // What another thread interrupts goes on in a line of its own, which does not say again what it is for.
  const interrupted = new Map<string, { readonly at: number; readonly isOurs: boolean }>();
  for (const line of trace.split('\n')) {
    const [, thread, seconds, words] = /^(\d+) +(\d+\.\d+) (.*)$/.exec(line) ?? [];
    if (thread === undefined || words === undefined) continue;
    const begun = { at: Math.round(Number(seconds) * 1000), isOurs: words.includes(`<${file}>`) };
    const { at, isOurs } = words.startsWith('<... ') ? (interrupted.get(thread) ?? begun) : begun;
    if (words.endsWith('<unfinished ...>')) interrupted.set(thread, begun);
    else if (isOurs && words.endsWith('(INJECTED)')) return at;
  }
  return undefined;
}

/** Whether strace is there and may trace. */
export const canTrace = (): boolean =>
  spawnSync('strace', ['-D', '-f', '--seccomp-bpf', '-o', '/dev/null', '-e', 'trace=fdatasync', 'true']).status === 0;
