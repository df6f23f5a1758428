import { readFileSync } from 'node:fs';
import { type Driver, type Report, eventually } from '@tickcast/testing';
import type { Browser, BrowserContext, CDPSession } from 'playwright-core';

/** What Chromium itself writes to the console about every connection that breaks. */
export const BROKEN_CONNECTION = /^WebSocket connection to '[^']*' failed/;

/** All pages report over one connection, which what fills alerts up would clog. */
const LONGEST_TEXT = 2000;
const RESET_WITHIN_MS = 10_000;
const CORE = readFileSync(new URL('conformance-driver-core.mjs', import.meta.url), 'utf8');
const SET_UP = `(async () => {
  const [{ Tickcast }, { drive }] = await Promise.all([import('/tickcast.min.js'), import('/driver.mjs')]);
  const shorten = (_, value) => (typeof value === 'string' ? value.slice(0, ${LONGEST_TEXT}) : value);
  window.obey = drive(Tickcast, (said) => report(JSON.stringify(said, shorten)));
})()`;

/** What it is told before `ready` it does then. */
export interface PageDriver extends Driver {
  readonly ready: Promise<unknown>;
}

/**
 * The SDK's bundle in a page of its own that does what it is told, as the driver programs do.
 *
 * @param pageUrl of a page that is served for real: one that only seems to be is not let through to this machine's ports
 */
export function startPageDriver(browser: Browser, pageUrl: string): PageDriver {
  const reports: Report[] = [];
  const complaints: string[] = [];
  /** Counts the pages: of one that was left nothing more is heard. */
  let turn = 0;
  const context = openContext(browser, complaints);
  const first = openPage(turn);
  /** Of commands, so that they come in order. */
  let last: Promise<unknown> = first;
  let page = first;
  let untold: object[] = [];

  async function openPage(own: number): Promise<CDPSession> {
    const tab = await (await context).newPage();
    const cdp = await (await context).newCDPSession(tab);
    cdp.on('Runtime.bindingCalled', ({ payload }) => {
      if (turn !== own) return;
      reports.push({ ...(JSON.parse(payload) as { report: string }), at: performance.now() });
    });
    await cdp.send('Runtime.enable');
    await cdp.send('Runtime.addBinding', { name: 'report' });
    await tab.goto(pageUrl);
    await evaluate(cdp, SET_UP);
    return cdp;
  }

  const next = (action: () => Promise<unknown>) => {
    last = last.then(action).catch((error: Error) => complaints.push(error.message));
  };

  const flush = () => {
    const commands = JSON.stringify(untold);
    untold = [];
    next(async () => evaluate(await page, `(async () => { for (const each of ${commands}) await obey(each); })()`));
  };

  const driver: PageDriver = {
    ready: first,
    reports,
    complaints,
    tell(command) {
      untold.push(command);
      // What is told at once is done at once: a subscription is not to wait until the client has connected.
      if (untold.length === 1) setImmediate(flush);
    },
    restart() {
      flush();
      reports.push({ report: 'restarted', at: performance.now() });
      const own = ++turn;
      next(async () => {
        const former = await page;
        page = openPage(own);
        await former.send('Page.close');
      });
    },
    async reset() {
      driver.tell({ do: 'reset' });
      await eventually(() => reports.some(({ report }) => report === 'reset'), { withinMs: RESET_WITHIN_MS });
      reports.length = 0;
    },
    async end() {
      await last;
      await (await context).close();
    },
  };
  return driver;
}

async function openContext(browser: Browser, complaints: string[]): Promise<BrowserContext> {
  const context = await browser.newContext();
  await context.route('**/driver.mjs', (route) => route.fulfill({ contentType: 'text/javascript', body: CORE }));
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    if (message.type() === 'error' && !BROKEN_CONNECTION.test(message.text())) complaints.push(message.text());
  });
  return context;
}

async function evaluate(cdp: CDPSession, expression: string): Promise<void> {
  const { exceptionDetails } = await cdp.send('Runtime.evaluate', { expression, awaitPromise: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
}
