import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnvironment, findProgram, startProcess } from '@tickcast/testing';
import { type Browser, type BrowserContext, type CDPSession, type Page, chromium } from 'playwright-core';

const SERVE = join(import.meta.dirname, '../examples/board/serve.mjs');
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** A Chromium of its own that runs headless. */
export interface RunningBrowser {
  /** Its first context is the browser's own, where tabs in the background are treated as everywhere: by others they are kept awake. */
  browser: Browser;
  stop(): Promise<void>;
}

/** @param path of the program; the first on PATH when absent */
export async function startBrowser(path = findProgram(NAMES, 'install Chromium or Chrome')): Promise<RunningBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'tickcast-chromium-'));
  const flags = ['--headless', '--remote-debugging-port=0', `--user-data-dir=${profile}`, '--no-first-run'];
  // The sandbox is not to be had by root, and containers have little shared memory.
  const place = ['--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
  const program = await startProcess(path, [...flags, ...place, 'about:blank'], { env: cleanEnvironment() });
  const line = await program.waitForLine(/DevTools listening on ws:/, 30_000);
  const browser = await chromium.connectOverCDP(/ws:\S+/.exec(line)?.[0] ?? '', { noDefaults: true });
  return {
    browser,
    async stop() {
      await browser.close();
      await program.stop();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Serves the example's page, and answers where. */
export async function serveBoard(): Promise<string> {
  const server = await startProcess(process.execPath, [SERVE, '0'], { env: cleanEnvironment() });
  const line = await server.waitForLine(/http:\S+/);
  return /http:\S+/.exec(line)?.[0] ?? '';
}

/** A WebSocket's handshake as it went over the wire. */
interface Handshake {
  url: string;
  asked: Record<string, string>;
  answered: Record<string, string> | null;
}

/** The board in a tab of its own. */
export class BoardPage {
  readonly page: Page;
  readonly cdp: CDPSession;
  readonly handshakes: Handshake[] = [];
  /** Errors of scripts, and what the console has of the level warning or above. */
  readonly problems: string[] = [];

  private constructor(page: Page, cdp: CDPSession) {
    this.page = page;
    this.cdp = cdp;
    const urls = new Map<string, string>();
    const sent = new Map<string, Handshake>();
    cdp.on('Network.webSocketCreated', ({ requestId, url }) => urls.set(requestId, url));
    cdp.on('Network.webSocketWillSendHandshakeRequest', ({ requestId, request }) => {
      const handshake = { url: urls.get(requestId) ?? '', asked: lowerCase(request.headers), answered: null };
      sent.set(requestId, handshake);
      this.handshakes.push(handshake);
    });
    cdp.on('Network.webSocketHandshakeResponseReceived', ({ requestId, response }) => {
      const handshake = sent.get(requestId);
      if (handshake) handshake.answered = lowerCase(response.headers);
    });
    page.on('pageerror', (error) => this.problems.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.problems.push(message.text());
    });
  }

  /** @param fragment what the page reads behind the `#` of its address */
  static async open(context: BrowserContext, boardUrl: string, fragment: Record<string, string>): Promise<BoardPage> {
    const page = await context.newPage();
    const cdp = await context.newCDPSession(page);
    const board = new BoardPage(page, cdp);
    await cdp.send('Network.enable');
    await page.goto(`${boardUrl}#${new URLSearchParams(fragment)}`);
    return board;
  }

  /** Of the connection, as the page shows it. */
  async state(): Promise<string | null> {
    return this.page.locator('#state').getAttribute('data-state');
  }

  /** The text of a cell in the row of a symbol; the empty text where there is no such row. */
  async cell(symbol: string, name: string): Promise<string> {
    const cells = this.page.locator('#quotes tr', { hasText: symbol }).locator(`.${name}`);
    return (await cells.allTextContents()).join();
  }

  /** The messages of the alerts that are shown, the oldest first. */
  async alerts(): Promise<string[]> {
    return (await this.page.locator('#alerts li span').allTextContents()).toReversed();
  }

  /** The answer of a script, which may await. The page's own policy forbids `eval`. */
  async run(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.cdp.send('Runtime.evaluate', {
      expression: `(async () => { ${expression} })()`,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value as unknown;
  }
}

function lowerCase(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
