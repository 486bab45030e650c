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
 * it goes.
 */
export const under = ({ call, when, fault }: Injection): readonly string[] => [
  'strace',
  ...['-D', '-f', '-q', '-o', '/dev/null'],
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

/** Whether strace is there and may trace. */
export const canTrace = (): boolean =>
  spawnSync('strace', ['-D', '-f', '--seccomp-bpf', '-o', '/dev/null', '-e', 'trace=fdatasync', 'true']).status === 0;
