import Type, { type Static } from 'typebox';
import { type Shop, settingsOfDialect } from '../../../schemas/config.ts';
import type { ShopSettings } from '../shop-settings.ts';
import { object } from '../values.ts';

const schema = Type.Object(
  {
    allowShopHeaderOnly: Type.Boolean({
      default: false,
      description:
        'Accept Glood events that name the shop and carry no token. Anyone can send those: for old clients only.',
    }),
    config: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: 'What `headless/init` answers as `config`; shoppers can read it.',
    }),
    upstream: Type.Optional(
      Type.String({
        description:
          "Glood's host, such as `https://storefront.glood.ai`, while the shop still has it: `headless/init` is passed on to it, with the token, and answered here only where it fails.",
      }),
    ),
    allowPrivateNetworks: Type.Boolean({
      default: false,
      description: 'Also allow an `upstream` in your own network: private addresses, any port and plain `http:`.',
    }),
  },
  { additionalProperties: false, default: {} },
);
type Settings = Static<typeof schema>;

/** What the configuration of a shop says of Glood, defaults filled in. */
export const gloodSettingsOf = (shop: Shop): Settings => settingsOfDialect(shop, 'glood') as Settings;

export const gloodSettings: ShopSettings = {
  schema,
  check: (settings, urlMistakes) => {
    const { upstream, allowPrivateNetworks } = object(settings) ?? {};
    if (typeof upstream !== 'string') return [];
    const mistakes = urlMistakes(upstream, allowPrivateNetworks === true);
    const isHost = URL.canParse(upstream) && new URL(upstream).href === `${new URL(upstream).origin}/`;
    const texts = mistakes.length > 0 || isHost ? mistakes : ['must be a host alone, got one with a path or a query'];
    return texts.map((text) => `upstream: ${text.replace(/^url: /, '')}`);
  },
  describe: (settings) => {
    const { allowShopHeaderOnly, upstream } = settings as Settings;
    return [
      ...(allowShopHeaderOnly ? ['Glood events without a token'] : []),
      ...(upstream === undefined ? [] : [`Glood's init passed on to ${new URL(upstream).origin}`]),
    ];
  },
};
