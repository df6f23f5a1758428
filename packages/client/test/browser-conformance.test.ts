/** CLIENTS.md in a page: where a browser's WebSocket has ways of its own, the SDK's bundle ends the scenarios as it does in Node. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createScenarioSuite } from '@tickcast/testing';
import { type PageDriver, startPageDriver } from './browser-driver.ts';
import { type RunningBrowser, serveBoard, startBrowser } from './browser-support.ts';

/** Beginnings of their names. What is decided behind the socket is the same code in Node, where all are gone through. */
const IN_A_PAGE = [
  'a token that is about to end is asked for anew',
  'where the token is a text, its end is the end',
  'a client whose token is refused asks its function',
  'a first connection that never stands is tried 6 times',
  'alerts published while the connection is cut',
  'when its node is killed the client comes back',
  'a client of a node that drains',
  'a peer that has gone without a word',
  'while its node hangs the client is stale',
  'a binary frame is dropped and told',
  'a masked frame breaks the connection',
  'text that is not UTF-8 breaks the connection',
  'what the next process of an application missed',
  'a client whose seat is taken over is closed for good',
  'a client that finds the cluster full waits',
  'a client too far behind for the server is cut off',
  'the application closes: its iterators end normally',
];

const AT_ONCE = 6;

let chromium: RunningBrowser;
let pageUrl: string;
/** A page takes longer to start than a short token lives. */
const pages: PageDriver[] = [];

const openPage = () => startPageDriver(chromium.browser, pageUrl);

const suite = createScenarioSuite({
  driver: () => pages.pop() ?? openPage(),
  // A page is not told the status of a refused handshake.
  abilities: [],
  atOnce: AT_ONCE,
});

beforeAll(async () => {
  [chromium, pageUrl] = await Promise.all([startBrowser(process.env['TICKCAST_TEST_CHROMIUM']), serveBoard()]);
  pages.push(...Array.from({ length: AT_ONCE }, openPage));
  await Promise.all(pages.map(({ ready }) => ready));
}, 60_000);

afterAll(async () => {
  await suite.close();
  await chromium.stop();
});

test.concurrent.each(IN_A_PAGE)(
  '%s',
  async (beginning) => {
    const scenarios = suite.scenarios.filter(({ name }) => name.startsWith(beginning));
    expect(scenarios.map(({ name }) => name)).toHaveLength(1);
    await Promise.all(scenarios.map((scenario) => suite.run(scenario)));
  },
  120_000,
);
