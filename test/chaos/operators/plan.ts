import { shops } from '../audit.ts';
import { pipelineOf } from '../targets.ts';
import type { Written } from './house.ts';
import { CUSTOM } from './load.ts';

/** What an operator can change by a new configuration. */
export interface Settings {
  /** By `shop/pipeline`, how often its address was changed. */
  readonly generations: Readonly<Record<string, number>>;
  /** The pipeline that comes and goes: under its own name, under another, or not at all. */
  readonly comes: 'here' | 'renamed' | 'gone' | 'both';
  readonly isNarrow: boolean;
  /** Whether shops accept what is of no contract. */
  readonly takesCustom: boolean;
}

export const first: Settings = { generations: {}, comes: 'here', isNarrow: false, takesCustom: false };

const [one, two] = shops;
export const COMES = { shop: one.shop, pipeline: 'comes' } as const;
export const RENAMED = { shop: one.shop, pipeline: 'comes-b' } as const;
export const CHOOSY = { shop: one.shop, pipeline: 'choosy' } as const;

interface Planned {
  readonly shop: string;
  readonly pipeline: string;
  readonly rules?: object;
  readonly settings: object;
}

/** Those that are always there. */
const always: readonly Planned[] = [
  { shop: one.shop, pipeline: 'hook', rules: { lanes: 4 }, settings: { batchSize: 10 } },
  { shop: one.shop, pipeline: 'moody', settings: { batchSize: 1 } },
  { ...CHOOSY, settings: { batchSize: 10 } },
  { shop: two.shop, pipeline: 'hook', settings: { batchSize: 20 } },
  { shop: two.shop, pipeline: 'moody', settings: { batchSize: 1 } },
];

/** Every pipeline that there is at the end. */
export const PIPELINES: readonly { readonly shop: string; readonly pipeline: string }[] = [...always, COMES, RENAMED];

export function written(settings: Settings, port: number): Written {
  const { comes, isNarrow, takesCustom } = settings;
  const moving = [
    ...(comes === 'here' || comes === 'both' ? [{ ...COMES, settings: { batchSize: 5 } }] : []),
    ...(comes === 'renamed' || comes === 'both' ? [{ ...RENAMED, settings: { batchSize: 5 } }] : []),
  ];
  const all = [...always, ...moving].map((planned): Planned & { address: string } => {
    const key = `${planned.shop}/${planned.pipeline}`;
    return { ...planned, address: `/${key}/${settings.generations[key] ?? 0}` };
  });
  const config = {
    shops: shops.map(({ shop, token }) => ({
      shop,
      tokens: [token],
      customEvents: takesCustom ? [CUSTOM] : [],
      pipelines: all
        .filter((planned) => planned.shop === shop)
        .map(({ address, settings: more, rules, pipeline }) => {
          const narrow = pipeline === CHOOSY.pipeline && isNarrow ? { events: ['product_view'] } : {};
          const settings = { ...more, url: `http://127.0.0.1:${port}${address}`, timeoutSeconds: 2 };
          return pipelineOf({ shop, pipeline, port, rules: { ...rules, ...narrow }, settings });
        }),
    })),
  };
  return {
    config,
    addresses: Object.fromEntries(all.map(({ shop, pipeline, address }) => [`${shop}/${pipeline}`, address])),
    isNarrow,
  };
}
