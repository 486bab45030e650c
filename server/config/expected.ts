import Type, { type TSchema } from 'typebox';

/** What a schema expects, in an operator's words: "a whole number from 0 to 65535". The schema's own `expected` text wins. */
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

/** The values that a schema allows, if it lists them. */
export function choicesOf(schema: TSchema): readonly unknown[] | undefined {
  if (Type.IsEnum(schema)) return schema.enum;
  if (Type.IsLiteral(schema)) return [schema.const];
  if (Type.IsUnion(schema) && schema.anyOf.length > 0 && schema.anyOf.every(Type.IsLiteral))
    return schema.anyOf.map((literal) => literal.const);
  return undefined;
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
