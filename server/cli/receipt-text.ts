import type { PipelineReceipt, Receipt } from '../../schemas/admin-api/receipts.ts';
import type { PipelineStanding } from '../../schemas/pipeline-state.ts';
import { pad, widthOf } from './width.ts';
import { counted, lasting, troubleOf, when } from './words.ts';

/** A receipt as a short story: when the event came and how, what was added to it, then a line for each pipeline. */
export function storyOf(receipt: Receipt): string[] {
  const { event_id, shop, state } = receipt;
  return [`Event ${event_id} of ${shop}`, ...(state === 'stored' ? stored(receipt) : quarantined(receipt))];
}

function stored(receipt: Receipt): string[] {
  const { position, id_source, trust, enrichment = {}, pipelines = [] } = receipt;
  const facts = [
    id_source === 'derived' ? 'its id was derived from its content' : '',
    trust === 'server' ? 'a server sent it' : '',
  ].filter((fact) => fact !== '');
  const added = enrichmentText(enrichment);
  const width = Math.max(0, ...pipelines.map(({ pipeline }) => widthOf(pipeline)));
  return [
    `  ${came(receipt)} and was stored${position === undefined ? '' : ` at position ${position}`}.`,
    ...(facts.length > 0 ? [`  Note: ${facts.join('; ')}.`] : []),
    added === '' ? '  Nothing was added to it.' : `  Added to it: ${added}.`,
    ...(pipelines.length === 0 ? ['  The shop has no pipelines.'] : []),
    ...pipelines.map((pipeline) => `  ${pad(pipeline.pipeline, width)}  ${fate(pipeline)}`),
  ];
}

const quarantined = (receipt: Receipt): string[] => [
  `  ${came(receipt)} and was refused${receipt.quarantine_id === undefined ? '' : `; it is in quarantine as ${receipt.quarantine_id}`}.`,
  ...(receipt.reasons ?? []).map((reason) => `  Because ${reason}`),
];

const came = ({ received_at, dialect, type }: Receipt): string =>
  `It came on ${when(received_at)} through ${dialect}${type === undefined ? '' : ` as ${type}`}`;

/** `geo_country: "DE", is_bot: true` reads `country DE, bot`. */
function enrichmentText(enrichment: Readonly<Record<string, string | boolean>>): string {
  const facts = Object.entries(enrichment).flatMap(([name, value]) => {
    const label = name
      .replace(/^(geo|shopping|is)_/, '')
      .replace(/_type$/, '')
      .replaceAll('_', ' ');
    if (typeof value === 'string') return [`${label} ${value}`];
    return value ? [label] : [];
  });
  return facts.join(', ');
}

function fate(receipt: PipelineReceipt): string {
  switch (receipt.state) {
    case 'delivered':
      return joined('delivered', [
        receipt.at && `on ${when(receipt.at)}`,
        receipt.status,
        receipt.attempts !== undefined && receipt.attempts > 1 ? `at attempt ${receipt.attempts}` : undefined,
      ]);
    case 'pending':
      return joined(
        receipt.behind === 0 ? 'pending, the next in line' : `pending behind ${counted(receipt.behind, 'event')}`,
        waitsFor(receipt.standing),
      );
    case 'filtered':
      return `not wanted: ${receipt.reason}`;
    case 'dead':
      return joined(`dead letter since ${when(receipt.at)} after ${counted(receipt.attempts, 'attempt')}`, [
        receipt.reason,
        receipt.redriving ? 'being tried again' : undefined,
      ]);
    case 'dropped':
      return `gone without being delivered: ${receipt.reason.replace(/^discarded at (\S+Z)/, (_, time) => `discarded on ${when(time)}`)}`;
    case 'before':
      return `older than the pipeline, which begins after position ${receipt.starts_after}; a replay sends it`;
  }
}

/** How the pipeline does that an event waits for. */
const waitsFor = (standing: PipelineStanding): string[] => [
  `the pipeline is ${standing.state}${standing.since === undefined ? '' : ` since ${when(standing.since)}`}`,
  ...troubleOf(standing),
  `lag ${lasting(standing.lag_seconds)}`,
  standing.last_success_at === undefined ? 'no success yet' : `last success ${when(standing.last_success_at)}`,
];

const joined = (start: string, rest: readonly (string | undefined)[]): string =>
  [start, ...rest.filter((part) => part !== undefined && part !== '')].join(', ');
