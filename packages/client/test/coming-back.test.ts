/** A client whose node was killed, and the files that users get in place of the sources. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { WebSocket, cleanEnvironment, eventually, mintToken, startEdge, startProcess } from '@tickcast/testing';
import type { Tickcast as SourceClient } from '../src/mod.ts';
import { QUICK, collect, startWorld, wiretap } from './world.ts';

const DIST = join(import.meta.dirname, '../dist');
const SYMBOLS = Array.from({ length: 40 }, (_, i) => `${8200 + i}.HK`);

// Here and not in a test: jest does not import while another import is on its way.
const page = (await import(join(DIST, 'tickcast.min.js'))) as { Tickcast: typeof SourceClient };
const seed = (await import(join(DIST, 'quant-web-socket.min.js'))) as object;

const started = startWorld();
const folder = mkdtempSync(join(tmpdir(), 'tickcast-client-'));

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await (await started).stop();
});

// The seat of a killed node comes back with an empty bucket, and errors over ten a second are held back.
test.concurrent(
  'forty streams are asked for again at the pace that the rate limit allows, and nothing is lost',
  async () => {
    const { redis, client: make, publishQuote } = await started;
    const edge = await startEdge({ redisUrl: redis.url });
    const { webSocket, received } = wiretap();
    const { client, errors } = await make({ maxAttempts: Infinity, pingIntervalMs: 5000, webSocket }, edge.url);
    await Promise.all(SYMBOLS.map((symbol) => publishQuote(symbol, 1)));
    const quotes = client.marketData(SYMBOLS, { overflow: { error: 1000 } });
    const { got } = collect(quotes);
    await quotes.ready;
    await eventually(() => got.length === SYMBOLS.length);
    await edge.kill();
    await eventually(() => client.state === 'resuming');
    await Promise.all(SYMBOLS.map((symbol) => publishQuote(symbol, 2)));
    const next = await startEdge({ redisUrl: redis.url, env: { TICKCAST_PORT: String(edge.port) } });
    await eventually(() => client.state === 'live', { withinMs: 20_000 });
    await eventually(() => got.length === 2 * SYMBOLS.length);
    expect(got.slice(SYMBOLS.length).every(({ data }) => data.price === 2)).toBe(true);
    expect(received.filter((text) => text.includes('rate_limited'))).not.toEqual([]);
    expect(errors.map(({ code }) => code)).not.toContain('no_answer');
    await client.close();
    await next.stop();
  },
);

test.concurrent('a stream that is subscribed anew while its unsubscribe waits for the rate limit goes on', async () => {
  const { redis, client: make, publishQuote } = await started;
  const edge = await startEdge({ redisUrl: redis.url, env: { TICKCAST_MAX_MESSAGES_PER_SECOND: '10' } });
  const { webSocket, received } = wiretap();
  const { client } = await make({ webSocket, pingIntervalMs: 5000 }, edge.url);
  const first = client.marketData('8300.HK');
  await first.ready;
  // As a person does who flips through views.
  for (const symbol of SYMBOLS.slice(0, 10)) client.marketData(symbol).close();
  first.close();
  await eventually(() => received.some((text) => text.includes('rate_limited')));
  const again = client.marketData('8300.HK', { overflow: { buffer: 100 } });
  const { got } = collect(again);
  await again.ready;
  // The late `unsubscribe` has ended it at the server, and then it was subscribed once more.
  const last = (type: string) =>
    received.findLastIndex((text) => text.includes(`"${type}"`) && text.includes('"8300.HK"'));
  await eventually(() => last('unsubscribed') > 0 && last('subscribed') > last('unsubscribed'), { withinMs: 15_000 });
  for (const price of [1, 2, 3]) {
    await publishQuote('8300.HK', price);
    await eventually(() => got.at(-1)?.data.price === price);
  }
  await client.close();
  await edge.stop();
});

test.concurrent('the file for pages does the same as the modules, and the seed’s class stands beside it', async () => {
  const { edge, publishQuote } = await started;
  expect(Object.keys(page)).toEqual(['Tickcast', 'TickcastError']);
  expect(Object.keys(seed)).toEqual(['QuantWebSocket']);
  const webSocket = (url: string, protocols: string[]) => new WebSocket(url, protocols);
  const client = new page.Tickcast(edge.url, { token: await mintToken(), webSocket, ...QUICK });
  const { got } = collect(client.marketData('8190.HK'));
  await client.connect();
  await publishQuote('8190.HK', 3);
  await eventually(() => got.length > 0);
  expect(got[0]).toMatchObject({ symbol: '8190.HK', seq: 1, data: { price: 3 } });
  await client.close();
});

test.concurrent('where there is no WebSocket, the error says what to install', async () => {
  const { edge } = await started;
  cpSync(DIST, join(folder, 'dist'), { recursive: true });
  cpSync(join(DIST, '../package.json'), join(folder, 'package.json'));
  const lines = [
    `import { Tickcast } from './dist/mod.js';`,
    `delete globalThis.WebSocket;`,
    `await new Tickcast('${edge.url}', { token: 't' }).connect().catch((error) => console.log(error.code, error.message));`,
  ];
  writeFileSync(join(folder, 'main.mjs'), lines.join('\n'));
  const program = await startProcess(process.execPath, [join(folder, 'main.mjs')], { env: cleanEnvironment() });
  await program.exited;
  expect(program.lines().join('\n')).toMatch(/^connection_failed .*npm install ws/m);
});
