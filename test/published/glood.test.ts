import * as assert from 'uvu/assert';
import { gloodNames } from '../../adapters/dialects/glood/shapes.ts';
import { describe } from '../support/describe.ts';
import { digestOf, glood } from './documents.ts';

/** Of the document as it was published, without its texts and examples. */
const PUBLISHED = '3b3fa407157ac3f446593f2db30b3519229579aa3e2b97628aa8948771133b56';

interface Schema {
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly properties: Readonly<Record<string, Schema>>;
}

describe("our copy of Glood's document", ({ it }) => {
  const { components } = glood() as { components: { schemas: Record<string, Schema> } };
  const body = components.schemas.HeadlessEventsRequest!;
  const event = body.properties.event!;

  it('binds to what the published one binds to', () => {
    assert.is(digestOf(glood()), PUBLISHED, 'test/published/fixtures/glood.json no longer says what was published');
  });

  it('is told from one that allows less, and not from one that says it in other words', () => {
    const { description: _, ...info } = (glood() as { info: Record<string, string> }).info;
    assert.is(digestOf({ ...glood(), info }), PUBLISHED);
    const id = { ...event.properties.id, minLength: 1 };
    const narrower = {
      ...body,
      properties: { ...body.properties, event: { ...event, properties: { ...event.properties, id } } },
    };
    const schemas = { ...components.schemas, HeadlessEventsRequest: narrower };
    assert.is.not(digestOf({ ...glood(), components: { ...components, schemas } }), PUBLISHED);
  });

  it('names the events that the gateway knows', () => {
    assert.equal(event.properties.name?.enum, [...gloodNames]);
    assert.equal(event.required, ['id', 'name']);
    assert.equal(body.required, ['event', 'session_id']);
  });
});
