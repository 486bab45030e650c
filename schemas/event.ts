import Type, { type Static, type TObject, type TSchema } from 'typebox';

/** Shopify's numeric ids as digit strings, since they outgrow what a JSON number can hold safely. */
export const Id = Type.String({ pattern: '^[0-9]{1,20}$', description: 'A Shopify id as a string of digits.' });

const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);
const text = (description: string) => Type.Optional(Type.String({ description }));
const anything = (description: string) => Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description }));

export const ProductLine = Type.Object(
  {
    product_id: optional(Id),
    variant_id: optional(Id),
    quantity: optional(Type.Number()),
    position: optional(Type.Number()),
  },
  { description: 'One product of an event that concerns several.' },
);

/** The shopper's consent as the storefront stated it. A purpose that was not stated is absent. */
export const Consent = Type.Object(
  {
    analytics: optional(Type.Boolean()),
    marketing: optional(Type.Boolean()),
    preferences: optional(Type.Boolean()),
    sale_of_data: optional(Type.Boolean()),
  },
  { description: "The shopper's consent when the event happened. Absent purposes are unknown, not denied." },
);

/** What the client sent for purposes that count as denied because it was not understood, cut to 40 characters. */
export const ConsentUnclear = Type.Object(
  {
    analytics: text('What was sent.'),
    marketing: text('What was sent.'),
    preferences: text('What was sent.'),
    sale_of_data: text('What was sent.'),
  },
  { description: 'Purposes that count as denied since what was sent of them is neither a yes nor a no.' },
);

/** The one internal model: every dialect maps to it, and every destination receives it. Absent fields are left out. */
export const Event = Type.Object(
  {
    event_id: Type.String({
      minLength: 1,
      description: "Unique per shop. The client's own id, or one derived from the content.",
    }),
    id_source: Type.Union([Type.Literal('client'), Type.Literal('derived'), Type.Literal('reused')], {
      description:
        'Who made the id: the client, or the gateway, since there was none that can serve as one (derived) or it belongs to another event (reused).',
    }),
    sent_id: Type.Optional(Type.String({ description: 'The id as sent, if it was reused.' })),
    event_type: Type.String({
      description: 'The canonical type, the same for every dialect, for example product_view.',
    }),
    name: Type.String({
      description: 'The type as the client named it, for example product_viewed or glood:section:view.',
    }),
    dialect: Type.String({
      description: 'The wire contract it came through, by the name of its dialect, for example layers.',
    }),
    shop: Type.String({ description: "The shop's Shopify domain." }),
    timestamp: Type.String({ format: 'date-time', description: 'When it happened: ISO 8601 in UTC.' }),
    timestamp_source: Type.Union([Type.Literal('client'), Type.Literal('received')], {
      description:
        "Whose time it is: the client's, or that of the receipt, since the client sent none, or none that can be used (then it is in `extra`).",
    }),
    received_at: Type.String({ format: 'date-time', description: 'When the gateway received it: ISO 8601 in UTC.' }),

    session_id: text('Anonymous, stable within a visit. Order is kept per session.'),
    device_id: text("Anonymous, stable on a device. Glood's client_id."),
    user_id: text('Anonymous visitor id (Glood).'),
    customer_id: text('The logged-in customer: digits if it is a Shopify id, otherwise as sent.'),
    attribution_token: text('Ties the event to the search, browse or block answer that led to it (Layers).'),

    product_id: optional(Id),
    variant_id: optional(Id),
    quantity: optional(Type.Number({ description: 'How many of the product.' })),
    position: optional(Type.Number({ description: 'Place in the list, 1 is the first.' })),
    products: optional(Type.Array(ProductLine, { description: 'All products of an event that concerns several.' })),
    parent: optional(
      Type.Object(
        { product_id: optional(Id), variant_id: optional(Id) },
        { description: 'The product a recommendation was shown for.' },
      ),
    ),
    collection_handle: text('Handle of the collection.'),
    query: text('What the shopper searched for.'),
    search_id: text('Id of the search answer.'),
    block_id: text('Id of the recommendation block, section, bundle or checkout offer.'),
    block_type: text('section, bundle or checkout for Glood; absent for Layers blocks.'),
    serve_id: text('Id of the serving of a recommendation block.'),
    request_id: text('Id of the recommendation request.'),
    recommendation_type: text('For example similar_products.'),

    page_id: text("The recommendation page (Glood's track.page)."),
    page_type: text('home, product, collection, cart, checkout, order_status, search or other.'),
    page_url: text('Full URL of the page.'),
    marketing_source: text('utm_source.'),
    marketing_medium: text('utm_medium.'),
    marketing_campaign: text('utm_campaign.'),

    shopping_channel: optional(
      Type.Union([Type.Literal('web'), Type.Literal('app')], {
        description: "The event's own value, else inferred from the request.",
      }),
    ),
    channel: text("Glood's own channel: web, mobile, headless or hydrogen."),
    app_version: text('Version of the app.'),
    os_version: text('Version of the operating system, as the client stated it.'),

    geo_country: text('ISO 3166-1 alpha-2, upper case.'),
    geo_state: text('ISO 3166-2 subdivision code without the country.'),
    geo_city: text('City, lower case.'),
    device_type: text('desktop, mobile, tablet and so on.'),
    browser: text('Browser name.'),
    os: text('Operating system name.'),
    is_bot: optional(
      Type.Boolean({ description: 'A crawler by its User-Agent. Bots are tagged, never dropped silently.' }),
    ),
    consent: optional(Consent),
    consent_unclear: optional(ConsentUnclear),
    trust: Type.Union([Type.Literal('public'), Type.Literal('server')], {
      description:
        'public: sent with a token that shoppers can read. server: sent with a token that only servers hold.',
    }),

    cart: anything('The cart, as sent.'),
    customer: anything('The customer, as sent.'),
    contextual_data: anything('Context, as sent: free-form for Layers, device and session for Tapcart.'),
    data: anything('Payload of the event, as sent: of a standard one for Glood.'),
    custom_data: anything('Payload of a custom event (Glood), as sent.'),
    extra: anything('Keys that the dialect does not know, and optional values that do not fit, as sent.'),
  },
  { $id: 'Event', description: 'Something a shopper did.' },
);
export type Event = Static<typeof Event>;
export type Consent = Static<typeof Consent>;
export type ProductLine = Static<typeof ProductLine>;

/** The names of an object schema's properties. */
export const keysOf = (schema: TObject): readonly string[] => Object.keys(schema.properties);
