import type { Backlog } from './backlog.ts';

/** Backlogs as a Markdown table. Ratio: how many times faster out than in. */
export function backlogTable(backlogs: readonly Backlog[]): string {
  return [
    '| pipeline | events/body | events | intake/s | drain/s | ratio | repeats | fresh p50 ms before | p99 | p50 ms during the drain | p99 | longest | core used | µs/event | memory MB |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...backlogs.map(rowOf),
  ].join('\n');
}

function rowOf(backlog: Backlog): string {
  const { pipeline, body, events, intake, drain, duplicates, quiet, meanwhile, cpu, cpuPerEvent, memoryMb } = backlog;
  const cells = [
    pipeline,
    body,
    events,
    intake.toFixed(0),
    drain.toFixed(0),
    `**${(drain / intake).toFixed(2)}**`,
    duplicates,
    quiet.p50.toFixed(1),
    quiet.p99.toFixed(1),
    meanwhile.p50.toFixed(1),
    `**${meanwhile.p99.toFixed(1)}**`,
    meanwhile.longest.toFixed(1),
    cpu === undefined ? '' : `${(cpu * 100).toFixed(0)} %`,
    cpuPerEvent?.toFixed(1) ?? '',
    memoryMb.toFixed(0),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** What was asked for, and what makes figures worth nothing; each as a sentence. */
export function backlogDoubts(backlogs: readonly Backlog[]): string[] {
  return backlogs.flatMap(({ pipeline, body, doubts }) => doubts.map((doubt) => `${pipeline}, ${body}/body: ${doubt}`));
}

/** Where the gateway's main thread spent its time while it drained. */
export const backlogProfiles = (backlogs: readonly Backlog[]): string[] =>
  backlogs.flatMap(({ pipeline, body, profile }) => (profile ? [`${pipeline}, ${body}/body\n\n${profile}`] : []));
