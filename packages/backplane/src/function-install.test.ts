import { createHash } from 'node:crypto';
import { beforeEach, beforeAll, expect, test } from '@jest/globals';
import { type RedisServer, startRedis } from '@tickcast/testing';
import { ALERTS, goodFrame, openCommands } from '../test/on-redis.ts';
import type { Commands } from './connections.ts';
import { ensureFunction } from './function-install.ts';
import { FUNCTION_VERSION, functionLibrary } from './function-library.ts';
import { createNames } from './names.ts';
import { createPublisher } from './publisher.ts';

let server: RedisServer;
let redis: Commands;
beforeAll(async () => {
  server = await startRedis();
  redis = await openCommands(server.url);
});
beforeEach(async () => {
  await server.cli('FUNCTION', 'FLUSH');
});

const libraryOf = (version: number) =>
  functionLibrary().replace(/FUNCTION_VERSION = \d+/, `FUNCTION_VERSION = ${version}`);
const load = (version: number) => redis.call('FUNCTION', 'LOAD', 'REPLACE', libraryOf(version));

test('a change of the library’s text changes its version: raise FUNCTION_VERSION and note the new digest here', () => {
  const digest = createHash('sha256').update(functionLibrary()).digest('hex').slice(0, 16);
  expect({ [FUNCTION_VERSION]: digest }).toEqual({ 3: '5f2f7515bd7424f9' });
});

test('the Function is put where there is none, once', async () => {
  expect(await ensureFunction(redis)).toEqual({ installed: true, version: FUNCTION_VERSION });
  expect(await ensureFunction(redis)).toEqual({ installed: false, version: FUNCTION_VERSION });
});

test('an older one is replaced', async () => {
  await load(FUNCTION_VERSION - 1);
  expect(await ensureFunction(redis)).toEqual({ installed: true, version: FUNCTION_VERSION });
});

test('a newer one stays', async () => {
  await load(FUNCTION_VERSION + 1);
  expect(await ensureFunction(redis)).toEqual({ installed: false, version: FUNCTION_VERSION + 1 });
});

test('many at once install it once', async () => {
  const results = await Promise.all(
    Array.from({ length: 8 }, async () => ensureFunction(await openCommands(server.url))),
  );
  expect(results.map(({ version }) => version)).toEqual(Array(8).fill(FUNCTION_VERSION));
  expect(results.filter(({ installed }) => installed)).toHaveLength(1);
});

test('a newer one installed in the middle of it is not replaced by the older', async () => {
  // Between reading the version and installing: the newer node touches the marker, as every installation does.
  const installer = await openCommands(server.url);
  const duplicate = installer.duplicate.bind(installer);
  installer.duplicate = (override) => {
    const connection = duplicate(override);
    const multi = connection.multi.bind(connection);
    let first = true;
    connection.multi = ((...args: []) => {
      const transaction = multi(...args);
      if (!first) return transaction;
      first = false;
      const exec = transaction.exec.bind(transaction);
      transaction.exec = async (...rest: []) => {
        await redis
          .multi()
          .set('tickcast:{function}', 'newer')
          .call('FUNCTION', 'LOAD', 'REPLACE', libraryOf(99))
          .exec();
        return exec(...rest);
      };
      return transaction;
    }) as typeof connection.multi;
    return connection;
  };
  expect(await ensureFunction(installer)).toEqual({ installed: false, version: 99 });
});

test('replacing the Function does not break the numbering of a stream', async () => {
  const publisher = createPublisher({ redis, names: createNames() });
  await load(FUNCTION_VERSION - 1);
  expect(await publisher.publish(ALERTS, goodFrame(ALERTS))).toBe(1);
  await ensureFunction(redis);
  expect(await publisher.publish(ALERTS, goodFrame(ALERTS))).toBe(2);
});

test('a user who may not install it is told what to do', async () => {
  await server.cli('ACL', 'SETUSER', 'reader', 'on', '>pw', '~*', '&*', '+@all', '-function');
  const limited = await openCommands(server.url.replace('//', '//reader:pw@'));
  await expect(ensureFunction(limited)).rejects.toMatchObject({
    code: 'function_unavailable',
    message: expect.stringMatching(/npx tickcast doctor --install/),
  });
  await ensureFunction(redis);
  expect(await ensureFunction(limited)).toEqual({ installed: false, version: FUNCTION_VERSION });
});

test('a server without Functions is told apart from one that is away', async () => {
  const old = await startRedis({ args: ['--rename-command', 'FCALL_RO', ''] });
  await expect(ensureFunction(await openCommands(old.url))).rejects.toMatchObject({
    code: 'function_unavailable',
    message: expect.stringMatching(/Redis 7\.0 or newer/),
  });
  const gone = await openCommands(old.url);
  await old.stop();
  await expect(ensureFunction(gone)).rejects.toMatchObject({ code: 'backplane_unavailable' });
});
