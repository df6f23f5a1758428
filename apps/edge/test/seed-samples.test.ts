/** The seed's two samples, run as programs of their own, see what publishers of three kinds publish, and nothing else. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type ManagedProcess, cleanEnvironment, mintToken, startProcess } from '@tickcast/testing';
import { agentStatus, alert, backtestProgress, marketData } from './support/frames.ts';
import { type SingleEdge, freshSub, startSingleEdge } from './support/single-edge.ts';

const EDGE_FOLDER = fileURLToPath(new URL('..', import.meta.url));
const PYTHON_13 = process.env['TICKCAST_TEST_PYTHON_13'];
const PYTHON_LATEST = process.env['TICKCAST_TEST_PYTHON_LATEST'];

/**
 * Put between a sample's class and its use. It prints the type of all that comes; once the first has come, it subscribes
 * to the other channels by the class's own method, and then sends `ping`, whose answer says that they stand.
 */
const JAVASCRIPT_RECORDER = `
const { handleMessage } = QuantWebSocket.prototype;
let count = 0;
QuantWebSocket.prototype.handleMessage = function (message) {
  console.log('received', message.type, JSON.stringify(message.data));
  handleMessage.call(this, message);
  if (++count > 1) return;
  this.subscribe('market_data', '0700.HK');
  this.subscribe('backtest_progress');
  this.subscribe('alerts');
  this.send({ type: 'ping', timestamp: 1701234567.89 });
};
`;

const PYTHON_RECORDER = `
handle_message = QuantWebSocket.handle_message
count = 0
async def record(self, message):
    global count
    print('received', message['type'], json.dumps(message.get('data'), ensure_ascii=False, separators=(',', ':')))
    await handle_message(self, message)
    count += 1
    if count > 1:
        return
    await self.subscribe('market_data', '0700.HK')
    await self.subscribe('backtest_progress')
    await self.subscribe('alerts')
    await self.send({'type': 'ping', 'timestamp': 1701234567.89})
QuantWebSocket.handle_message = record
`;

let world: SingleEdge;
let sample: ManagedProcess | undefined;

beforeAll(async () => {
  world = await startSingleEdge();
});

afterEach(async () => {
  await sample?.kill();
});

function source(name: string, token: string, language: { assign: string; mark: string; recorder: string }): string {
  const text = readFileSync(new URL(`samples/${name}`, import.meta.url), 'utf8')
    .replace('ws://localhost:8001/api/v1/websocket', world.edge.url)
    .replace(language.mark, () => `${language.recorder}\n${language.mark}`);
  return `${language.assign} = '${token}'\n${text}`;
}

async function startJavaScript(): Promise<ManagedProcess> {
  const token = await mintToken({ sub: freshSub() });
  const language = { assign: 'const token', mark: '// 使用示例', recorder: JAVASCRIPT_RECORDER };
  // Node 20 has no WebSocket of its own yet.
  const prelude = "import { WebSocket } from '@tickcast/testing'; globalThis.WebSocket = WebSocket;\n";
  const program = prelude + source('quant-websocket.js.txt', token, language);
  const args = ['--input-type=module', '--eval', program];
  return startProcess(process.execPath, args, { cwd: EDGE_FOLDER, env: cleanEnvironment() });
}

async function startPython(python: string, headersArgument: string): Promise<ManagedProcess> {
  const token = await mintToken({ sub: freshSub() });
  const language = { assign: 'token', mark: '# 使用示例', recorder: PYTHON_RECORDER };
  const program = source('quant_websocket.py', token, language).replace('extra_headers', headersArgument);
  return startProcess(python, ['-u', '-c', program], { env: cleanEnvironment({ PYTHONUTF8: '1' }) });
}

/** The interpreter that `npm test` prepares. */
function interpreter(path: string | undefined): string {
  if (path === undefined) throw new Error('no Python environment: run the tests by `npm test`, which makes it');
  return path;
}

async function publishWithPython(python: string, stream: string, numbered: object, raw: object): Promise<string> {
  const program = fileURLToPath(new URL('samples/publish.py', import.meta.url));
  const frames = [numbered, raw].map((frame) => JSON.stringify(frame));
  const { stdout } = await promisify(execFile)(python, [program, world.redis.url, `tickcast:${stream}`, ...frames]);
  return stdout;
}

describe.each([
  ['JavaScript', 351, startJavaScript, () => interpreter(PYTHON_LATEST)],
  [
    'Python with websockets 13 and extra_headers',
    352,
    () => startPython(interpreter(PYTHON_13), 'extra_headers'),
    () => interpreter(PYTHON_13),
  ],
  [
    'Python with the newest websockets and additional_headers',
    353,
    () => startPython(interpreter(PYTHON_LATEST), 'additional_headers'),
    () => interpreter(PYTHON_LATEST),
  ],
] as const)('the sample in %s', (_name, price, start, python) => {
  test('receives what redis-cli and a Python program publish, and only types the seed shows', async () => {
    await world.publish('{agent_status}:coordinator', agentStatus('coordinator', `known to ${price}`));
    sample = await start();
    await sample.waitForLine(/^received pong/);
    const sees = (status: string) => sample?.waitForLine(new RegExp(`status'?: '${status}'`));
    await sees(`known to ${price}`);

    await world.publish('{agent_status}:coordinator', agentStatus('coordinator', `FCALL to ${price}`));
    await sees(`FCALL to ${price}`);
    await world.publishRaw('{agent_status}', agentStatus('scout', `PUBLISH to ${price}`));
    await sees(`PUBLISH to ${price}`);
    const published = await publishWithPython(
      python(),
      '{agent_status}:coordinator',
      agentStatus('coordinator', `Python FCALL to ${price}`),
      agentStatus('scout', `Python PUBLISH to ${price}`),
    );
    expect(published).toMatch(/^seq \d+\s+receivers 1\s*$/);
    await sees(`Python FCALL to ${price}`);
    await sees(`Python PUBLISH to ${price}`);

    await world.publish('{market_data:0700.HK}', marketData('0700.HK', price));
    await sample.waitForLine(new RegExp(`^received market_data .*"price":${price},`));
    await world.publish('{backtest_progress}:bt_123456', backtestProgress('bt_123456', price / 1000));
    await sample.waitForLine(new RegExp(`^received backtest_progress .*"progress":${price / 1000},`));
    await world.publish('{alerts}', alert(`内存使用率超过80% ${price}`));
    await sample.waitForLine(new RegExp(`^received alerts .*"message":"内存使用率超过80% ${price}"`));

    const types = new Set(sample.lines().flatMap((line) => /^received (\S+)/.exec(line)?.[1] ?? []));
    expect([...types].toSorted()).toEqual(['agent_status', 'alerts', 'backtest_progress', 'market_data', 'pong']);
    expect(sample.lines().filter((line) => /错误|已关闭|Traceback|Error/.test(line))).toEqual([]);
  });
});

test("a publisher's mistake is told to redis-cli and to Python, and reaches no client", async () => {
  const wrong = agentStatus('coordinator', '');
  await expect(world.publish('{agent_status}:coordinator', wrong)).rejects.toThrow(/tickcast/);
  await expect(
    publishWithPython(interpreter(PYTHON_LATEST), '{agent_status}:coordinator', wrong, wrong),
  ).rejects.toThrow(/ResponseError/);
});
