import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { TSchema } from 'typebox';

/** Answers the problems of a value, each naming its field; none when it is good. */
export type Check = (value: unknown) => string[];

/**
 * Compiles a schema into a check that tells all problems at once. For what people write; it is too slow for every frame.
 */
export function compileCheck(schema: TSchema): Check {
  // Most of what a process could check it never does, and a compilation costs tens of milliseconds.
  let validate: ValidateFunction | undefined;
  return (value) => {
    validate ??= new Ajv2020({ allErrors: true, verbose: true }).compile<unknown>(schema);
    validate(value);
    return [...new Set((validate.errors ?? []).map(describe))];
  };
}

function describe({ instancePath, keyword, params, message, parentSchema }: ErrorObject): string {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const field = (name?: string): string => (name === undefined ? path : [...path, name]).join('.') || 'it';
  if (keyword === 'required') return `${field(String(params['missingProperty']))} is missing`;
  if (keyword === 'additionalProperties') return `${field(String(params['additionalProperty']))} is unknown`;
  if (keyword === 'enum') return `${field()} must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`;
  if (keyword === 'const') return `${field()} must be ${JSON.stringify(params['allowedValue'])}`;
  // A description says more than a pattern.
  const description: unknown = parentSchema?.['description'];
  if (keyword === 'pattern' && typeof description === 'string') return `${field()} must be ${description}`;
  return `${field()} ${message ?? 'is wrong'}`;
}
