import Type from 'typebox';
import { type Answer, Count, countOf, input, maybe, text, When } from './common.ts';

export const JobRef = input({ id: text('Id of the job.') });

export const JobReport = Type.Object(
  {
    id: Type.String(),
    of: Type.Enum(['quarantine', 'dead']),
    kind: Type.Enum(['redrive', 'discard']),
    shop: maybe(Type.String({ description: 'Absent for all shops.' })),
    selection: Type.Record(Type.String(), Type.String()),
    state: Type.Enum(['running', 'done', 'cancelled', 'interrupted', 'failed'], {
      description: 'interrupted: its process ended. What it did stays done; the same order again does the rest.',
    }),
    started_at: When,
    looked: countOf('Looked at so far, selected or not.'),
    counts: Type.Record(Type.String(), Count, { description: 'Results for the selected events.' }),
    reason: maybe(Type.String({ description: 'Why it failed.' })),
  },
  { description: 'A redrive or a discard.' },
);
/** A job that changes many held events, and its progress. */
export type JobReport = Answer<typeof JobReport>;

export const JobReports = Type.Object({ jobs: Type.Array(JobReport) });

/** The counts so far, and the job, which may still be running. */
const counted = <Name extends string>(counts: Readonly<Record<Name, typeof Count>>) =>
  Type.Object({ ...counts, job: JobReport });

export const Redriven = counted({ redriven: Count });
export const Discarded = counted({ discarded: Count });
export const QuarantineRedriven = counted({
  accepted: countOf('Now on the log, and gone from quarantine.'),
  duplicate: countOf('Known already, and gone from quarantine.'),
  refused: countOf('Still refused, and kept.'),
});
