import type { PipelineReport } from '../../schemas/admin-api/pipelines.ts';
import type { Config } from '../../schemas/config.ts';
import { adminClient } from './client.ts';
import { type AdminFlags, withoutUndefined } from './flags.ts';
import type { Terminal } from './output.ts';
import { counted } from './words.ts';

/** What a running gateway would leave behind if it took a configuration. */
export interface Against {
  /** Pipelines that it runs, that the configuration does not have, and that still owe something. */
  readonly orphans: readonly Pick<PipelineReport, 'shop' | 'pipeline' | 'pending' | 'dead'>[];
  readonly lines: readonly string[];
}

export interface AgainstFlags {
  readonly against?: string;
  readonly adminToken?: string;
}

/** Asks a running gateway which of its pipelines a configuration would orphan. Throws a Failure if it cannot be asked. */
export async function comparedWithRunning(
  config: Config,
  { against, adminToken }: AgainstFlags & { readonly against: string },
  terminal: Terminal,
): Promise<Against> {
  const flags: AdminFlags = { url: against, ...withoutUndefined({ adminToken }) };
  const { pipelines } = await adminClient(flags, terminal, '--against').get<{ pipelines: PipelineReport[] }>(
    '/admin/pipelines',
  );
  const wanted = new Set(config.shops.flatMap(({ shop, pipelines: all }) => all.map(({ id }) => `${shop}/${id}`)));
  const leaving = pipelines.filter(({ shop, pipeline }) => !wanted.has(`${shop}/${pipeline}`));
  const orphans = leaving
    .filter(({ pending, dead, state }) => state !== 'orphaned' && (pending > 0 || dead > 0))
    .map(({ shop, pipeline, pending, dead }) => ({ shop, pipeline, pending, dead }));
  const lines = leaving.map(({ shop, pipeline, pending, dead, state }) => {
    const owed = `${counted(pending, 'event')} pending, ${counted(dead, 'dead letter')}`;
    if (state === 'orphaned') return `  ${pipeline} of ${shop} is orphaned already: ${owed}`;
    return `  ${pipeline} of ${shop} would be ${pending > 0 || dead > 0 ? 'orphaned' : 'taken out'}: ${owed}`;
  });
  const heading =
    lines.length === 0
      ? `Every pipeline that runs at ${against} is in it.`
      : `Pipelines that run at ${against} and are not in it:`;
  return { orphans, lines: [heading, ...lines] };
}
