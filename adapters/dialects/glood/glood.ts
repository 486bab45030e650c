import { Compile } from 'typebox/compile';
import { needed } from '../../../schemas/wire.ts';
import { type Manner, parseBody } from '../body.ts';
import { type Dialect, type Reading, RequestRefused, type Rules } from '../dialect.ts';
import { contentBy } from '../event-id.ts';
import { bearer, header } from '../headers.ts';
import { excess } from '../limits.ts';
import { priorityBy } from '../priority.ts';
import { ReplacedNotes } from '../replaced.ts';
import { shopDomain } from '../shop-domain.ts';
import { type Json, object, text } from '../values.ts';
import { excerpt, type Fault, faults, shown, unnamed } from '../words.ts';
import { gloodDocumentation } from './documentation.ts';
import { gloodInit } from './init.ts';
import { canonicalTypes } from './names.ts';
import { gloodSample } from './sample.ts';
import { gloodSettings, gloodSettingsOf } from './settings.ts';
import { GloodBody, GloodCustomBody, gloodNames } from './shapes.ts';
import { gloodDraft, gloodEvent } from './view.ts';

/** Glood headless events: one event per request. */
export const glood: Dialect = {
  name: 'glood',
  path: '/api/storefront/v3/headless/events',
  contentTypes: ['application/json', ''],
  browserHeaders: ['authorization', 'x-shop'],
  documentation: gloodDocumentation,
  names: canonicalTypes,
  credentials: (request) => ({
    token: bearer(request),
    shop: named(header(request, 'x-shop')),
  }),
  settings: gloodSettings,
  sideCalls: [gloodInit],
  sample: gloodSample,
  priorityOf: priorityBy('name'),
  tokenless: (shop) => gloodSettingsOf(shop).allowShopHeaderOnly,
  read,
  single: (event) => event,
  view: (text, indexes, context, derivations) => {
    const body = bodyOf(text);
    const content = contentBy(text, body, bodyOf);
    return indexes.map((_, i) => gloodEvent(body, context, content, derivations?.[i]));
  },
  sent: (text, indexes, derivation) => {
    const body = contentBy(text, bodyOf(text), bodyOf)(derivation);
    return indexes.map(() => body);
  },
  accepted: () => ({ status: 200, body: '{"ok":true}' }),
  refused: ({ status, message }) => ({ status, body: JSON.stringify({ error: status, message }) }),
};

// A value that is no domain names no shop, but the header must still count as present.
const named = (value: string | undefined): string | undefined => value && (shopDomain(value) ?? value);

function read(text: string, rules: Rules): Reading {
  const body = bodyOf(text);
  checkShop(body, text, rules);
  const much = excess(body, rules.limits);
  if (much) throw refused(text, much.code, [must('have', much)], body);

  const name = object(body.event)?.name;
  const strange = typeof name === 'string' && !names.has(name);
  const validator = strange && rules.customEvents.has(name) ? customValidator : contractValidator;
  if (!validator.Check(body)) {
    const code = strange && validator === contractValidator ? 'unknown_type' : 'invalid';
    throw refused(
      text,
      code,
      faults(validator.Type(), body).map((fault) =>
        must('be', fault.path === 'event.name' ? unnamed(fault.path, name, gloodNames) : fault),
      ),
      body,
    );
  }
  const notes = new ReplacedNotes(rules.receivedAt);
  const draft = gloodDraft(body, contentBy(text, body, bodyOf), notes);
  return { events: [draft], refused: [], ...(notes.found && { replaced: notes.found }) };
}

const names: ReadonlySet<string> = new Set(gloodNames);
const contractValidator = Compile(needed(GloodBody));
const customValidator = Compile(needed(GloodCustomBody));

function bodyOf(text: string, manner?: Manner): Json {
  const parsed = parseBody(text, manner);
  const wanted = 'the body must be a JSON object with event and session_id';
  if (parsed.kind === 'refused') throw refused(text, parsed.code, [`${wanted}, got ${parsed.got}`]);
  const body = object(parsed.value);
  if (!body) throw refused(text, 'not_an_object', [`${wanted}, got ${shown(parsed.value)}`]);
  return body;
}

/** A body that names another shop is not kept: its data belongs to that shop. */
function checkShop(body: Json, raw: string, rules: Rules): void {
  const named = text(body.shop_domain);
  if (named !== undefined && !rules.names(shopDomain(named) ?? '')) {
    throw new RequestRefused(
      403,
      'shop_domain must name the shop that the token belongs to: correct it or leave it out',
    );
  }
  if (rules.shopNamed === false && named === undefined) {
    throw refused(
      raw,
      'shop_missing',
      ['the shop must be named: send the x-shop header, or shop_domain in the body'],
      body,
    );
  }
}

const must = (verb: 'be' | 'have', { path, expected, got }: Fault): string =>
  `${path || 'the body'} must ${verb} ${expected}, got ${got}`;

function refused(raw: string, code: string, reasons: readonly string[], body?: Json): RequestRefused {
  const event = object(body?.event);
  const about = { id: excerpt(event?.id), name: excerpt(event?.name) };
  return new RequestRefused(400, reasons.join('; '), { ...about, code, reasons, raw });
}
