import Type, { type TSchema } from 'typebox';

const LONGEST_SHOWN = 80;

/** What a schema wants, in words an operator knows: "a whole number from 0 to 65535". An `expected` beside the schema wins. */
export function expected(schema: TSchema): string {
  if ('expected' in schema && typeof schema.expected === 'string') return schema.expected;
  const choices = choicesOf(schema);
  if (choices) return choices.length === 1 ? String(choices[0]) : `one of ${choices.join(', ')}`;
  if (Type.IsUnion(schema)) return schema.anyOf.map(expected).join(', or ');
  if (Type.IsInteger(schema)) return `a whole number${range(schema, 'minimum', 'maximum')}`;
  if (Type.IsNumber(schema)) return `a number${range(schema, 'minimum', 'maximum')}`;
  if (Type.IsBoolean(schema)) return 'true or false';
  if (Type.IsString(schema)) return `text${range(schema, 'minLength', 'maxLength', ' characters')}`;
  if (Type.IsArray(schema))
    return `${'minItems' in schema ? 'a non-empty list' : 'a list'}, each ${expected(schema.items)}`;
  if (Type.IsRecord(schema)) return 'names with values';
  if (Type.IsObject(schema)) return `an object with ${Object.keys(schema.properties).join(', ')}`;
  return 'a fitting value';
}

/** The few values a schema allows, where it allows only a few. */
export function choicesOf(schema: TSchema): readonly unknown[] | undefined {
  if (Type.IsEnum(schema)) return schema.enum;
  if (Type.IsLiteral(schema)) return [schema.const];
  if (Type.IsUnion(schema) && schema.anyOf.length > 0 && schema.anyOf.every(Type.IsLiteral))
    return schema.anyOf.map((literal) => literal.const);
  return undefined;
}

/** Where an error comes from, without its message, which may hold what a client sent. */
export function placesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { message, stack = '' } = error;
  const lines = stack.slice(stack.indexOf(message) + message.length).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line.startsWith('at '));
}

/** Whether values of this schema are secrets. */
export const isSensitive = (schema: TSchema): boolean => 'sensitive' in schema && schema.sensitive === true;

/** What came, short and without secrets: of a secret only its length, of a URL only its address. */
export function shown(value: unknown, secret: boolean): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'an object';
  if (secret) return typeof value === 'string' ? `${value.length} characters` : `a ${typeof value}`;
  if (typeof value !== 'string') return String(value);
  const plain = withoutCredentials(value);
  return JSON.stringify(plain.length > LONGEST_SHOWN ? `${plain.slice(0, LONGEST_SHOWN)}…` : plain);
}

/**
 * A URL as it may be printed: no user, password, query or fragment. What looks like a URL and cannot be read as one may have its password
 * anywhere: of that only the scheme. Other text stays as it is.
 */
export function withoutCredentials(text: string): string {
  const [, scheme = '', rest = ''] = /^\s*([a-z][a-z0-9+.-]*):(.*)$/is.exec(text) ?? [];
  if (!rest.startsWith('//')) return /^postgres(ql)?$/i.test(scheme) ? `${scheme}:…` : text;
  const plain = `${scheme}:${rest.replace(/^\/\/.*@/s, '//').replace(/[?#].*$/s, '')}`;
  return URL.canParse(plain) ? plain : `${scheme}://…`;
}

function range(schema: TSchema, from: string, to: string, unit = ''): string {
  const limits = new Map<string, unknown>(Object.entries(schema));
  const least = limits.get(from);
  const most = limits.get(to);
  if (least === 1 && unit !== '' && most === undefined) return ' that is not empty';
  const unbounded = most === undefined || most === Number.MAX_SAFE_INTEGER;
  if (least === undefined) return unbounded ? '' : ` of at most ${most}${unit}`;
  if (unbounded) return ` of at least ${least}${unit}`;
  return unit === '' ? ` from ${least} to ${most}` : ` of ${least} to ${most}${unit}`;
}
