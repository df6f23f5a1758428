/** The package as it is published: what npm packs, installed as a user installs it. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import {
  type EdgeProcess,
  type RedisServer,
  cleanEnvironment,
  mintToken,
  startEdge,
  startProcess,
  startRedis,
} from '@tickcast/testing';
import { quoteFrame } from './browser-frames.ts';

const PACKAGE = join(import.meta.dirname, '..');
const TOOLS = join(PACKAGE, '../../node_modules/.bin');
const SYMBOL = '0700.HK';
const URL_OF_README = 'ws://localhost:8001/api/v1/websocket';

// npm, compilers and checkers take their time on a busy machine.
jest.setTimeout(90_000);

let redis: RedisServer;
let edge: EdgeProcess;
let project: string;
let tarball: string;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'tickcast-packed-'));
  const packing = pack();
  redis = await startRedis();
  edge = await startEdge({ redisUrl: redis.url });
  tarball = await packing;
});

/** @throws with all that the program printed, when it fails */
async function run(program: string, args: readonly string[], cwd = project): Promise<string> {
  const done = promisify(execFile)(program, args, { cwd, env: cleanEnvironment(), timeout: 60_000 });
  const { stdout } = await done.catch((error: Error & { stdout?: string; stderr?: string }) => {
    throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`, { cause: error });
  });
  return stdout.trim();
}

afterAll(() => rmSync(project, { recursive: true, force: true }));

async function pack(): Promise<string> {
  const said = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', project], PACKAGE);
  const [{ filename }] = JSON.parse(said) as [{ filename: string }];
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  const peer = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { devDependencies: { ws: string } };
  const wanted = [`./${filename}`, `ws@${peer.devDependencies.ws}`];
  // What `npm ci` has fetched once is not fetched again.
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', ['install', ...quiet, ...wanted]);
  return join(project, filename);
}

test.concurrent('its README’s first example runs in an empty project', async () => {
  const readme = readFileSync(join(project, 'node_modules/@tickcast/client/README.md'), 'utf8');
  const example = /```js\n(import .*?)```/s.exec(readme)?.[1] ?? '';
  expect(example).toContain(URL_OF_README);
  writeFileSync(join(project, 'example.js'), example.replace(URL_OF_README, edge.url));
  const env = cleanEnvironment({ TICKCAST_TOKEN: await mintToken() });
  const program = await startProcess(process.execPath, ['example.js'], { cwd: project, env });
  const frame = quoteFrame(SYMBOL, 352.5);
  await redis.cli('FCALL', 'tickcast_publish', '1', `tickcast:{market_data:${SYMBOL}}`, frame);
  await program.waitForLine(/^0700\.HK 352\.5 1000000$/, 20_000);
  await program.kill();
});

const CONSUMER = `
import { QuantWebSocket, Tickcast, TickcastError } from '@tickcast/client';

const client = new Tickcast('ws://localhost:8001/api/v1/websocket', { token: async () => 'TOKEN', maxAttempts: Infinity });
const off: () => void = client.on('state', ({ state, previous }) => console.log(state, previous));
off();
client.on('gap', ({ channel, key, lost }) => console.log(channel, key, lost?.toFixed()));
client.on('error', (error: TickcastError) => console.log(error.code, error.retryAfterMs?.toFixed()));

export async function last(signal: AbortSignal): Promise<number> {
  let price: number = 0;
  for await (const quote of client.marketData(['0700.HK'], { signal, overflow: { buffer: 10 } })) price = quote.data.price;
  for await (const { data } of client.alerts({ since: { epoch: 'e', seq: 1 } })) console.log(data.level.length);
  // @ts-expect-error a quote has no level
  for await (const quote of client.marketData('0700.HK')) console.log(quote.data.level);
  // @ts-expect-error symbols are required
  client.marketData();
  await client.close();
  return price;
}

const ws = new QuantWebSocket('ws://localhost:8001/api/v1/websocket', 'TOKEN');
ws.on('agent_status', (data) => console.log(data));
ws.subscribe('market_data', '0700.HK');
`;

test.concurrent.each([
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
])('a strict TypeScript program compiles with it, module %s, resolution %s, its types checked too', async (...how) => {
  const [module, moduleResolution] = how;
  const folder = join(project, moduleResolution);
  mkdirSync(folder);
  writeFileSync(join(folder, 'consumer.ts'), CONSUMER);
  const compilerOptions = {
    module,
    moduleResolution,
    target: 'es2022',
    lib: ['es2022', 'dom'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
  expect(await run(join(TOOLS, 'tsc'), ['-p', folder])).toBe('');
});

test.concurrent('publint and Are the types wrong? find nothing to say', async () => {
  const published = await run(join(TOOLS, 'publint'), ['run', '--strict', tarball]);
  expect(published).toMatch(/All good!$/);
  const how = ['--profile', 'esm-only', '--format', 'ascii', '--no-emoji', '--no-color'];
  const types = await run(join(TOOLS, 'attw'), [...how, tarball]);
  // Who can't load ES modules is left out.
  const lines = types.split('\n').map((line) => line.trim());
  const found = lines.filter((line) => /^(node16 \(from ESM\)|bundler):/.test(line));
  expect(new Set(found)).toEqual(new Set(['node16 (from ESM): OK (ESM)', 'bundler: OK']));
});

test.concurrent('the browser’s bundle is under 8 KB gzipped, and imports nothing', async () => {
  const said = await run(join(TOOLS, 'size-limit'), ['--json'], PACKAGE);
  expect(JSON.parse(said)).toEqual([expect.objectContaining({ passed: true })]);
  const bundle = readFileSync(join(project, 'node_modules/@tickcast/client/dist/tickcast.min.js'), 'utf8');
  expect(bundle).not.toMatch(/\bimport\s*[("'{*]|\bfrom\s*["']|\brequire\(/);
});

test.concurrent('nothing but the build, the examples and the texts is published', async () => {
  const listed = await run('tar', ['-tzf', tarball]);
  const odd = listed
    .split('\n')
    .filter((path) => !/^package\/(package\.json|README\.md|LICENSE|dist\/.+|examples\/.+)$/.test(path));
  expect(odd).toEqual([]);
});
