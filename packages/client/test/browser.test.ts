/** The SDK's bundle in a real browser, in the page of the example, against real edges. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import {
  type EdgeProcess,
  type RedisServer,
  eventually,
  mintToken,
  startEdge,
  startFaultProxy,
  startRedis,
} from '@tickcast/testing';
import type { BrowserContextOptions } from 'playwright-core';
import { alertFrame, quoteFrame } from './browser-frames.ts';
import { BROKEN_CONNECTION } from './browser-driver.ts';
import { BoardPage, type RunningBrowser, serveBoard, startBrowser } from './browser-support.ts';

const SCREENSHOTS = join(import.meta.dirname, '../../../.tickcast/screenshots');
const SEED_CLASS = join(import.meta.dirname, '../dist/quant-web-socket.min.js');
const WITHIN = { withinMs: 20_000 };

jest.setTimeout(60_000);

let redis: RedisServer;
let edges: [EdgeProcess, EdgeProcess];
let chromium: RunningBrowser;
let boardUrl: string;
let token: string;

beforeAll(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  redis = await startRedis();
  const start = () => startEdge({ redisUrl: redis.url });
  [edges, chromium, boardUrl, token] = await Promise.all([
    Promise.all([start(), start()]),
    startBrowser(process.env['TICKCAST_TEST_CHROMIUM']),
    serveBoard(),
    mintToken(),
  ]);
});

afterAll(() => chromium.stop());

const publish = (key: string, frame: string) => redis.cli('FCALL', 'tickcast_publish', '1', `tickcast:${key}`, frame);
const quote = (symbol: string, price: number, more?: object) =>
  publish(`{market_data:${symbol}}`, quoteFrame(symbol, price, more));
/** The board in a context of its own. */
const openBoard = async (fragment: Record<string, string>, options: BrowserContextOptions = {}) =>
  BoardPage.open(await chromium.browser.newContext({ locale: 'en-GB', ...options }), boardUrl, fragment);
const viaPort = (port: number) => `ws://127.0.0.1:${port}/api/v1/websocket`;

test.concurrent(
  'a page connects with the token in the subprotocols, which the answer does not repeat, and shows quotes',
  async () => {
    await quote('0001.HK', 351.5, { volume: 12_345_678 });
    const board = await openBoard({ url: edges[0].url, token, symbols: '1.hk' });
    await eventually(async () => expect(await board.cell('0001.HK', 'price')).toBe('351.50'), WITHIN);
    // It is live when the alerts, which it asks for after the quotes, are confirmed too.
    await eventually(async () => expect(await board.state()).toBe('live'));
    await quote('0001.HK', 346.5);
    await eventually(async () => expect(await board.cell('0001.HK', 'price')).toBe('346.50'));
    expect(await board.cell('0001.HK', 'change')).toBe('▼ 1.00 %');
    await eventually(async () => expect(await board.cell('0001.HK', 'age')).toMatch(/^\d s$/));

    const [handshake, ...others] = board.handshakes;
    expect(others).toEqual([]);
    expect(handshake?.asked['sec-websocket-protocol']).toBe(`Authorization, ${token}`);
    expect(handshake?.asked['origin']).toBe(new URL(boardUrl).origin);
    expect(handshake?.answered?.['sec-websocket-protocol']).toBe('Authorization');
    expect(handshake?.url).not.toContain(token);
    expect(board.problems).toEqual([]);
    await board.page.context().close();
  },
);

test.concurrent(
  'a node is killed: the page comes back by another one, with each alert once and the newest quote',
  async () => {
    const doomed = await startEdge({ redisUrl: redis.url });
    const balancer = await startFaultProxy(doomed.port);
    const own = await mintToken({ channels: ['alerts', 'market_data:0002.HK'] });
    const board = await openBoard({
      url: viaPort(balancer.port),
      token: own,
      symbols: '0002.HK',
    });
    await eventually(async () => expect(await board.state()).toBe('live'), WITHIN);
    const alerts: string[] = [];
    for (let n = 1; n <= 45; n++) {
      if (n === 15) {
        balancer.retarget(edges[1].port);
        await doomed.kill();
      }
      alerts.push(`test: before, meanwhile or after, ${n}`);
      await publish('{alerts}', alertFrame(`before, meanwhile or after, ${n}`));
      await quote('0002.HK', 350 + n);
    }
    await eventually(
      async () => expect((await board.alerts()).filter((text) => text.includes('meanwhile'))).toEqual(alerts),
      WITHIN,
    );
    await eventually(async () => expect(await board.cell('0002.HK', 'price')).toBe('395.00'));
    expect(await board.state()).toBe('live');
    expect(board.handshakes.length).toBeGreaterThan(1);
    expect(board.handshakes.at(-1)?.url).toContain('seat=');
    expect(board.problems.filter((problem) => !BROKEN_CONNECTION.test(problem))).toEqual([]);
    await board.page.context().close();
  },
);

/** A client of the page's own that keeps what comes in `seen`. */
const watch = (url: string) => `
  const { Tickcast } = await import('/tickcast.min.js');
  const client = new Tickcast('${url}', { token: '${token}', pingIntervalMs: 1000 });
  window.seen = { alerts: [], states: [], errors: [] };
  client.on('state', ({ state }) => seen.states.push(state));
  client.on('error', ({ code }) => seen.errors.push(code));
  const alerts = client.alerts();
  (async () => { for await (const { data } of alerts) seen.alerts.push(data.message); })();
  await alerts.ready;`;

test.concurrent(
  'a tab in the background keeps its connection, and one that the browser froze comes back: each alert once',
  async () => {
    const [own] = chromium.browser.contexts();
    if (!own) throw new Error('the browser has no context of its own');
    const board = await BoardPage.open(own, boardUrl, {});
    const alertsOfThis = () => board.run("return seen.alerts.filter((message) => message.startsWith('hidden'))");
    await board.run(watch(edges[0].url));
    await (await own.newPage()).bringToFront();
    await eventually(async () => expect(await board.run('return document.visibilityState')).toBe('hidden'));
    await publish('{alerts}', alertFrame('hidden 1'));
    // Timers run once a second now. The time itself is what is tried: more than what makes a peer dead, which is 2.5 s.
    await sleep(4000);
    await eventually(async () => expect(await alertsOfThis()).toEqual(['hidden 1']));
    expect(await board.run('return seen.errors')).toEqual([]);
    expect(board.handshakes).toHaveLength(1);

    // Nothing runs any more, and Chromium may end the connection of such a page.
    await board.cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
    await publish('{alerts}', alertFrame('hidden 2'));
    await sleep(3000);
    await publish('{alerts}', alertFrame('hidden 3'));
    await board.cdp.send('Page.setWebLifecycleState', { state: 'active' });
    await board.page.bringToFront();
    await eventually(async () => expect(await alertsOfThis()).toEqual(['hidden 1', 'hidden 2', 'hidden 3']));
    await eventually(async () => expect(await board.run('return seen.states.at(-1)')).toBe('live'));
    expect(await board.run('return seen.errors')).not.toContain('no_answer');
    expect(board.problems.filter((problem) => !BROKEN_CONNECTION.test(problem))).toEqual([]);
  },
);

const USUAL = { '0005.HK': 62.5, '0388.HK': 268.4, '0700.HK': 352, '0939.HK': 4.72, '9988.HK': 82.05 };

test.concurrent.each([
  ['light', { colorScheme: 'light', viewport: { width: 1200, height: 760 } }],
  ['dark', { colorScheme: 'dark', viewport: { width: 1200, height: 760 } }],
  ['phone', { colorScheme: 'dark', viewport: { width: 390, height: 844 }, locale: 'zh-CN' }],
] as const)('the board fits its screen: %s, and its picture is kept', async (name, options) => {
  const symbols = Object.keys(USUAL).join(' ');
  const board = await openBoard({ url: edges[1].url, token, symbols }, options);
  for (const [symbol, price] of Object.entries(USUAL)) {
    await quote(symbol, price * 1.012, { open: price, high: price * 1.02, low: price * 0.99 });
  }
  for (const symbol of Object.keys(USUAL)) {
    await eventually(async () => expect(await board.cell(symbol, 'age')).not.toBe(''), WITHIN);
  }
  expect(await board.run('return document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  expect(board.problems).toEqual([]);
  await board.page.screenshot({ path: join(SCREENSHOTS, `board-${name}.png`) });
  await board.page.context().close();
});

test.concurrent(
  'what ends the client, or a subscription, is said in the page once, and its form is there to mend it',
  async () => {
    const board = await openBoard({ url: edges[0].url, token: 'not.a.token', symbols: '0004.HK' });
    const log = () => board.page.locator('#log li span').allTextContents();
    const connectWith = async (next: string) => {
      await board.page.locator('[name=token]').fill(next);
      await board.page.locator('form button').click();
    };
    await eventually(
      async () => expect(await log()).toEqual([expect.stringMatching(/^authentication_failed: /)]),
      WITHIN,
    );
    expect(await board.state()).toBe('closed');
    await connectWith(await mintToken({ channels: ['alerts'] }));
    await eventually(
      async () => expect(await log()).toEqual([expect.stringMatching(/^forbidden: .*0004\.HK/)]),
      WITHIN,
    );
    await eventually(async () => expect(await board.state()).toBe('live'));
    await connectWith(token);
    await eventually(async () => expect(await board.state()).toBe('live'), WITHIN);
    await quote('0004.HK', 355);
    await eventually(async () => expect(await board.cell('0004.HK', 'price')).toBe('355.00'));
    expect(board.problems).toEqual([]);
    await board.page.context().close();
  },
);

test.concurrent('what was published is text in the page, whatever it says', async () => {
  const board = await openBoard({ url: edges[0].url, token, symbols: '0006.HK' });
  await eventually(async () => expect(await board.state()).toBe('live'), WITHIN);
  const message = '<b class="injected">x</b><img src="/y" onerror="alert(1)">';
  await publish('{alerts}', alertFrame(message));
  await eventually(async () => expect(await board.alerts()).toContain(`test: ${message}`));
  expect(await board.page.locator('.injected, img').count()).toBe(0);
  expect(board.problems).toEqual([]);
  await board.page.context().close();
});

const seedUsage = (url: string, jwt: string) => `
  const { QuantWebSocket } = await import('/quant-web-socket.min.js');
  window.seen = [];
  const ws = new QuantWebSocket('${url}', '${jwt}');
  ws.connect();
  ws.on('agent_status', (data) => seen.push(data.status));`;

test.concurrent('the class of the API’s first description works in a page as it is written there', async () => {
  const status = { cpu_usage: 45.2, memory_usage: 512.5, task_queue_size: 3, last_update: Date.now() / 1000 };
  const frame = { type: 'agent_status', agent_id: 'coordinator', data: { status: 'running', ...status } };
  await publish('{agent_status}:coordinator', JSON.stringify(frame));
  const board = await openBoard({});
  // Beside the bundle, as the board's own server has it beside its page.
  await board.page.route('**/quant-web-socket.min.js', (route) => route.fulfill({ path: SEED_CLASS }));
  await board.run(seedUsage(edges[0].url, token));
  await eventually(async () => expect(await board.run('return seen')).toEqual(['running']), WITHIN);
  expect(board.problems).toEqual([]);
  await board.page.context().close();
});
