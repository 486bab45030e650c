import type { PipelineReceipt, Receipt } from '../../schemas/admin-api/receipts.ts';
import type { PipelineStanding } from '../../schemas/pipeline-state.ts';
import { pad, widthOf } from './width.ts';
import { counted, durationText, timeText, troubleOf } from './words.ts';

/** A receipt in sentences: when and how the event came, what was added to it, and a line for each pipeline. */
export function receiptText(receipt: Receipt): string[] {
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
    `  ${receivedText(receipt)} and was stored${position === undefined ? '' : ` at position ${position}`}.`,
    ...(facts.length > 0 ? [`  Note: ${facts.join('; ')}.`] : []),
    added === '' ? '  Nothing was added to it.' : `  Added to it: ${added}.`,
    ...(pipelines.length === 0 ? ['  The shop has no pipelines.'] : []),
    ...pipelines.map((pipeline) => `  ${pad(pipeline.pipeline, width)}  ${outcomeText(pipeline)}`),
  ];
}

const quarantined = (receipt: Receipt): string[] => [
  `  ${receivedText(receipt)} and was refused${receipt.quarantine_id === undefined ? '' : `; it is in quarantine as ${receipt.quarantine_id}`}.`,
  ...(receipt.reasons ?? []).map((reason) => `  Because ${reason}`),
];

const receivedText = ({ received_at, dialect, type }: Receipt): string =>
  `It came on ${timeText(received_at)} through ${dialect}${type === undefined ? '' : ` as ${type}`}`;

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

function outcomeText(receipt: PipelineReceipt): string {
  switch (receipt.state) {
    case 'delivered':
      return joined('delivered', [
        receipt.at && `on ${timeText(receipt.at)}`,
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
      return joined(`dead letter since ${timeText(receipt.at)} after ${counted(receipt.attempts, 'attempt')}`, [
        receipt.reason,
        receipt.redriving ? 'being tried again' : undefined,
      ]);
    case 'dropped':
      return `gone without being delivered: ${receipt.reason.replace(/^discarded at (\S+Z)/, (_, time) => `discarded on ${timeText(time)}`)}`;
    case 'before':
      return `older than the pipeline, which begins after position ${receipt.starts_after}; a replay sends it`;
  }
}

/** The state of the pipeline that a pending event waits for. */
const waitsFor = (standing: PipelineStanding): string[] => [
  `the pipeline is ${standing.state}${standing.since === undefined ? '' : ` since ${timeText(standing.since)}`}`,
  ...troubleOf(standing),
  `lag ${durationText(standing.lag_seconds)}`,
  standing.last_success_at === undefined ? 'no success yet' : `last success ${timeText(standing.last_success_at)}`,
];

const joined = (start: string, rest: readonly (string | undefined)[]): string =>
  [start, ...rest.filter((part) => part !== undefined && part !== '')].join(', ');
