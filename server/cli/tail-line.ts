import type { TailLine } from '../../schemas/admin-api/tail.ts';
import { printable, type Terminal } from './output.ts';
import { number } from './table.ts';
import { cut, pad, widthOf } from './width.ts';

const COLOURS: Readonly<Record<TailLine['kind'], number>> = {
  accepted: 32,
  duplicate: 90,
  refused: 31,
  delivered: 36,
  dead: 31,
  retried: 33,
  note: 33,
  missed: 33,
};
const WIDTH = { kind: 9, shop: 26, type: 20, id: 36 };

/** The terminal that a line is made for. */
export type TailTerminal = Pick<Terminal, 'isTty' | 'columns' | 'env'>;

/** One line of the live tail in columns. The kind is in colour on a terminal unless NO_COLOR is set. */
export function tailLine(line: TailLine, terminal: TailTerminal): string {
  const time = 'at' in line ? line.at.slice(11, 23) : ' '.repeat(12);
  const kind = pad(line.kind, WIDTH.kind);
  const start = `${printable(time)}  ${kind}  `;
  const rest = printable(restOf(line).replaceAll('\n', ' ')).trimEnd();
  const room = terminal.columns - start.length;
  // On a narrow terminal the padding goes first, so that more of the id and the reason fits.
  const isTight = terminal.isTty && widthOf(rest) > room;
  const shown = cut(isTight ? rest.replace(/ {3,}/g, '  ') : rest, { isTty: terminal.isTty, columns: room });
  const colourful = terminal.isTty && !terminal.env.NO_COLOR;
  const coloured = colourful ? `\u001b[${COLOURS[line.kind]}m${kind}\u001b[0m` : kind;
  return `${printable(time)}  ${coloured}  ${shown}`;
}

function restOf(line: TailLine): string {
  switch (line.kind) {
    case 'accepted':
    case 'duplicate': {
      const { event_type, event_id, shopping_channel, geo_country, device_type } = line.event;
      return columns(line.shop, event_type, event_id, [shopping_channel, geo_country, device_type]);
    }
    case 'refused':
      if (line.status !== undefined) return refusedRequest(line);
      return columns(line.shop, line.name, line.event_id, [line.dialect, `${line.code}:`, line.reasons.join('; ')]);
    case 'delivered':
    case 'dead':
    case 'retried':
      return columns(line.shop, line.type, line.event_id, [line.pipeline, line.status]);
    case 'note':
      return line.text;
    case 'missed':
      return `${number(line.lines)} lines were left out: they came faster than they could be shown`;
  }
}

/** A refused request has no event id: its reason takes that column, where narrow terminals show it. */
function refusedRequest(line: TailLine & { readonly kind: 'refused' }): string {
  const { shop = '-', dialect, status, code, reasons, origin, left_out } = line;
  const said = reasons.join('; ');
  const facts = [
    dialect,
    String(status),
    `${code}:`,
    said,
    origin === undefined || said.includes(origin) ? undefined : `(from ${origin})`,
    left_out === undefined ? undefined : `(${number(left_out)} more before it)`,
  ];
  return `${pad(shop, WIDTH.shop)}  ${facts.filter(Boolean).join(' ')}`;
}

const columns = (shop = '-', type = '-', id = '-', facts: readonly (string | undefined)[] = []): string =>
  [pad(shop, WIDTH.shop), pad(type, WIDTH.type), pad(id, WIDTH.id), facts.filter(Boolean).join(' ')].join('  ');
