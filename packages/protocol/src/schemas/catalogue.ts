import type { TSchema } from 'typebox';
import { ChannelsClaim } from './claim.ts';
import { ClientScenarios } from './client-scenario.ts';
import { CLIENT_SCHEMAS } from './client.ts';
import { schemaId } from './common.ts';
import { ConformanceCases } from './conformance.ts';
import { ErrorFrame } from './error.ts';
import { NOTICE_SCHEMAS } from './notice.ts';
import { PUBLISHED_SCHEMAS, PUSH_SCHEMAS } from './push.ts';
import { REPLY_SCHEMAS } from './reply.ts';

/** A schema that stands for itself: a message, a claim, a file. */
export interface NamedSchema extends TSchema {
  readonly $id: string;
  readonly title: string;
  readonly description: string;
  readonly examples?: readonly unknown[];
}

function named(schemas: readonly TSchema[]): ReadonlyMap<string, NamedSchema> {
  const prefix = schemaId('');
  return new Map(
    (schemas as readonly NamedSchema[]).map((schema) => [schema.$id.slice(prefix.length), schema] as const),
  );
}

/** What a client sends. */
export const CLIENT_CATALOGUE = named(Object.values(CLIENT_SCHEMAS));

/** What a client gets. */
export const SERVER_CATALOGUE = named([
  ...Object.values(PUSH_SCHEMAS),
  ...Object.values(REPLY_SCHEMAS),
  ...Object.values(NOTICE_SCHEMAS),
  ErrorFrame,
]);

/** What a publisher sends. */
export const PUBLISHED_CATALOGUE = named(Object.values(PUBLISHED_SCHEMAS));

/** Every schema of the protocol that has a name, by that name. */
export const CATALOGUE: ReadonlyMap<string, NamedSchema> = new Map([
  ...CLIENT_CATALOGUE,
  ...SERVER_CATALOGUE,
  ...PUBLISHED_CATALOGUE,
  ...named([ChannelsClaim, ConformanceCases, ClientScenarios]),
]);
