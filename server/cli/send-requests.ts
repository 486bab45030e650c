import { dialects } from '../../adapters/dialects/index.ts';
import type { Sample, SampleRequest } from '../../adapters/dialects/sample.ts';
import { EXIT, Failure, type Terminal } from './output.ts';

/** Something that `send --dialect` can send. */
export interface Sendable {
  readonly path: string;
  readonly sample: Sample;
}

/** By the value of `--dialect`: the events of each dialect, and its calls without events. */
export const SENDABLE: ReadonlyMap<string, Sendable> = new Map(
  dialects.flatMap(({ name, path, sample, sideCalls = [] }) => [
    [name, { path, sample }] as const,
    ...sideCalls.map((call) => [`${name}-${call.name}`, { path: call.path, sample: call.sample }] as const),
  ]),
);

export interface SendOrder {
  readonly dialect: string;
  readonly token: string;
  readonly shop?: string;
  /** The type as the dialect names it. */
  readonly type?: string;
  /** Fields that replace those of the example, in the event or in the body around it. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A request as a client of the dialect sends it. Throws a Failure if the dialect wants something that was not given. */
export function requestOf(
  { dialect, token, shop, type, fields }: SendOrder,
  tools: Pick<Terminal, 'now' | 'randomId'>,
): SampleRequest & Sendable {
  const found = SENDABLE.get(dialect);
  if (found === undefined)
    throw new Failure(`--dialect: must be one of ${[...SENDABLE.keys()].join(', ')}, got ${dialect}`, EXIT.usage);
  const { sample } = found;
  if (sample.type === undefined && type !== undefined)
    throw new Failure(
      `--type: must be left out with --dialect ${dialect}, which brings no event, got ${type}`,
      EXIT.usage,
    );
  const request = sample.request({
    token,
    shop: sample.namesShop ? shopOf({ dialect, token, ...(shop !== undefined && { shop }) }) : '',
    type: type ?? sample.type ?? '',
    fields,
    time: new Date(tools.now()).toISOString(),
    id: tools.randomId(),
  });
  return { ...found, ...request };
}

const DEMO = { token: 'demo-token', shop: 'demo.myshopify.com' };

function shopOf({
  dialect,
  token,
  shop = token === DEMO.token ? DEMO.shop : undefined,
}: Omit<SendOrder, 'fields'>): string {
  if (shop !== undefined) return shop;
  throw new Failure(
    `--shop: must be the domain of the token's shop with --dialect ${dialect}, got nothing; give it, such as ${DEMO.shop}`,
    EXIT.usage,
  );
}

const namesOf = (fits: (sample: Sample) => boolean): string =>
  [...SENDABLE]
    .filter(([, { sample }]) => fits(sample))
    .map(([name]) => name)
    .join(', ');

/** Help texts of flags that mean different things in different dialects. */
export const SEND_HELP = {
  shop: `the token's shop (${namesOf(({ namesShop }) => namesShop)}; default: that of ${DEMO.token})`,
  type: `type of the event, as the contract names it (default: ${defaultTypes()})`,
  data: `JSON object with fields that replace those of the example (${namesOf(({ fieldsOf }) => fieldsOf === 'event')}: of the event; others: of the body)`,
};

function defaultTypes(): string {
  const types = [...SENDABLE].flatMap(
    ([
      name,
      {
        sample: { type },
      },
    ]) => (type === undefined ? [] : [[name, type]]),
  );
  return types.map(([name, type], index) => (index === 0 ? type : `${name}: ${type}`)).join('; ');
}
