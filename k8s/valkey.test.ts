/** The Valkey of components/valkey, with its real configuration: it starts, keeps its data, and its users may do their work. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type RedisServer, cleanEnvironment, connectClient, mintToken, startEdge, startRedis } from '@tickcast/testing';
import { containersOf, isNamed, ofKind, overlayNamed, workload } from './test-support/objects.ts';
import { quantity } from './test-support/policies/policy.ts';
import { readmeCode } from './test-support/readme.ts';
import { renderOverlays } from './test-support/render.ts';
import { ROOT } from './test-support/tree.ts';

const run = promisify(execFile);
const overlay = overlayNamed(await renderOverlays(), 'local');
const configuration =
  ofKind(overlay, 'ConfigMap').find((object) => isNamed(object, 'ConfigMap/valkey'))?.data?.['valkey.conf'] ?? '';

let redis: RedisServer;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tickcast-k8s-valkey-'));
  writeFileSync(join(folder, 'users.acl'), secret('valkey-users', 'users.acl'));
  // What differs in a pod: where its files lie, and that its address is its own.
  const here = configuration
    .replace(/^aclfile .*$/m, `aclfile ${join(folder, 'users.acl')}`)
    .replace(/^dir .*$/m, `dir ${folder}`)
    .replace(/^bind .*$/m, 'bind 127.0.0.1');
  writeFileSync(join(folder, 'valkey.conf'), here);
  redis = await startRedis({ args: ['--include', join(folder, 'valkey.conf')] });
});

afterAll(async () => {
  await redis.stop();
  rmSync(folder, { recursive: true });
});

test('its configuration names the files that the pod mounts, and leaves half of its memory for rewriting the file', () => {
  const [container] = containersOf(workload(overlay, 'valkey'));
  const mounts = container?.volumeMounts?.map(({ mountPath }) => mountPath) ?? [];
  const named = [...configuration.matchAll(/^(?:aclfile|dir) (\S+)$/gm)].map(([, path = '']) => path);
  expect(named).toHaveLength(2);
  for (const path of named) expect(mounts.some((mount) => `${path}/`.startsWith(`${mount}/`))).toBe(true);
  expect(mounts).toContain(container?.command?.[1]);
  const megabytes = Number(/^maxmemory (\d+)mb$/m.exec(configuration)?.[1]);
  expect(megabytes * 2 ** 20 * 2).toBeLessThanOrEqual(quantity(container?.resources?.limits?.['memory']));
});

test("its users have the rights of the README's and of the page's", () => {
  const pages = readFileSync(join(ROOT, 'README.md'), 'utf8').replaceAll(/ *\\\n */g, ' ');
  const rightsIn = (text: string, user: string): string[] =>
    (new RegExp(`^(?:ACL SETUSER|user) ${user} on >\\S+ (.*)$`, 'm').exec(text)?.[1] ?? '').split(' ').toSorted();
  const own = secret('valkey-users', 'users.acl');
  const [, more = ''] = /An edge needs the publisher's rights and `([^`]+)`/.exec(pages) ?? [];
  expect(rightsIn(own, 'publisher')).toEqual(rightsIn(pages, 'publisher'));
  expect(rightsIn(own, 'producer')).toEqual(rightsIn(pages, 'producer'));
  expect(rightsIn(own, 'edge')).toEqual([...rightsIn(pages, 'publisher'), ...more.split(/\s+/)].toSorted());
  expect(rightsIn(own, 'installer')).toEqual(rightsIn(readmeCode().join('\n'), 'installer'));
});

test('the installer installs the Function, an edge gets ready, a publisher publishes, and a client receives', async () => {
  expect(await cli(['doctor', '--install'], url('redis-installer', 'url'))).toMatch(/ok +Function/);
  const edge = await startEdge({ redisUrl: url('redis', 'edge-url') });
  const client = await connectClient(edge.url, { token: await mintToken({ sub: 'me' }) });
  await client.request({ type: 'subscribe', channel: 'alerts' });
  await publish('first');
  expect(await client.next('alerts')).toMatchObject({ seq: 1, data: { message: 'first' } });
  await client.close();
  await edge.stop();
});

// Until https://github.com/redis/redis/pull/14545 and https://github.com/valkey-io/valkey/pull/3984 the transactions of the file are
// run with the rights of the user `default`, and dropped where it lacks them.
test('what was published is there after a restart, and so is the Function', async () => {
  await redis.stop();
  await redis.start();
  const edge = await startEdge({ redisUrl: url('redis', 'edge-url') });
  const client = await connectClient(edge.url, { token: await mintToken({ sub: 'me' }) });
  await client.request({ type: 'subscribe', channel: 'alerts' });
  await publish('second');
  expect(await client.next('alerts')).toMatchObject({ data: { message: 'second' } });
  await client.close();
  await edge.stop();
});

test('its probes are answered, and who asks as they do may do nothing else', async () => {
  const [container] = containersOf(workload(overlay, 'valkey'));
  const probes = [container?.startupProbe, container?.readinessProbe, container?.livenessProbe];
  for (const [program, ...args] of probes.map((probe) => probe?.exec?.command ?? [])) {
    expect(program).toBe('valkey-cli');
    // Without -e an error is an answer too.
    const answer = await redis.cli(...args).catch((error: Error) => (args.includes('-e') ? error.message : 'PONG'));
    expect(answer).toBe('PONG');
    const asker = args.slice(0, -1);
    await expect(redis.cli(...asker, 'GET', 'tickcast:{alerts}')).rejects.toThrow(/NOPERM|NOAUTH/);
    await expect(redis.cli(...asker, 'CONFIG', 'GET', 'maxmemory')).rejects.toThrow(/NOPERM|NOAUTH/);
  }
});

test('without a password, or as the user that has all rights, nobody gets in', async () => {
  await expect(redis.cli('GET', 'tickcast:{alerts}')).rejects.toThrow(/NOPERM|NOAUTH/);
  await expect(redis.cli('--user', 'default', '--pass', '', 'GET', 'x')).rejects.toThrow(/WRONGPASS|NOPERM|NOAUTH/);
});

function secret(name: string, key: string): string {
  const found = ofKind(overlay, 'Secret').find((object) => isNamed(object, `Secret/${name}`));
  return Buffer.from(found?.data?.[key] ?? '', 'base64').toString();
}

/** A URL of the overlay's Secrets, with the host of this test. */
function url(name: string, key: string): string {
  const found = new URL(secret(name, key));
  found.host = `127.0.0.1:${redis.port}`;
  return found.href;
}

async function cli(args: string[], redisUrl: string): Promise<string> {
  const env = cleanEnvironment({ TICKCAST_REDIS_URL: redisUrl });
  const { stdout } = await run(process.execPath, [join(ROOT, 'apps/cli/bin/tickcast.js'), ...args], {
    env,
    cwd: tmpdir(),
  });
  return stdout;
}

async function publish(message: string): Promise<void> {
  const frame = { type: 'alerts', data: { level: 'info', message, timestamp: 1_795_366_686, source: 'me' } };
  await cli(['publish', 'alerts', JSON.stringify(frame)], url('redis', 'publisher-url'));
}
