/** The package as its users get it: a wheel, installed into an environment where nothing else is. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type EdgeProcess,
  type RedisServer,
  cleanEnvironment,
  mintToken,
  startEdge,
  startProcess,
  startRedis,
} from '@tickcast/testing';
import { PACKAGE, interpreter } from './python.ts';

const MAKER = interpreter(process.env['TICKCAST_TEST_PYTHON_LATEST']);
const PIP = ['-m', 'pip', '--quiet', '--disable-pip-version-check'];
const INSTALLED_WITHIN_MS = 60_000;
const STARTED_WITHIN_MS = 20_000;

const README = readFileSync(join(PACKAGE, 'README.md'), 'utf8');
const BLOCKS = [...README.matchAll(/^```python\n(.*?)^```$/gms)].map(([, program = '']) => program);

const folder = mkdtempSync(join(tmpdir(), 'tickcast-package-'));
const python = join(folder, 'venv', 'bin', 'python');
let wheel: string;
let redis: RedisServer;
let edge: EdgeProcess;

beforeAll(async () => {
  const install = async () => {
    await run(MAKER, [...PIP, 'wheel', '--no-build-isolation', '--no-deps', '--wheel-dir', folder, PACKAGE]);
    wheel = join(folder, readdirSync(folder).find((name) => name.endsWith('.whl')) ?? 'no wheel');
    await run(MAKER, ['-m', 'venv', '--without-pip', join(folder, 'venv')]);
    await run(MAKER, [...PIP, '--python', python, 'install', wheel]);
  };
  const serve = async () => {
    redis = await startRedis();
    edge = await startEdge({ redisUrl: redis.url });
  };
  await Promise.all([install(), serve()]);
}, INSTALLED_WITHIN_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program to its end, and answers its lines. @throws with all of them where it fails */
async function run(program: string, args: string[]): Promise<string[]> {
  const child = await startProcess(program, args, { cwd: folder, env: cleanEnvironment({ PYTHONUTF8: '1' }) });
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${code}\n${child.lines().join('\n')}`);
  return child.lines();
}

/** The README's program with this line, with an endpoint and a token that there are. */
async function programWith(line: string): Promise<string> {
  const found = BLOCKS.filter((block) => block.includes(line));
  expect(found).toHaveLength(1);
  return String(found[0])
    .replace('ws://localhost:8001/api/v1/websocket', edge.url)
    .replace('"TOKEN"', JSON.stringify(await mintToken({ sub: line })));
}

test.concurrent.each([['asyncio.run(main())'], ['tickcast.sync.connect(']])(
  'the program of the page with %s runs as it stands there',
  async (line) => {
    const program = await startProcess(python, ['-u', '-c', await programWith(line)], { cwd: folder, env: {} });
    const symbol = '0700.HK';
    const frame = { type: 'market_data', symbol, data: { timestamp: 1701234567.89, price: 352.2, volume: 1_000_000 } };
    await redis.cli('FCALL', 'tickcast_publish', '1', `tickcast:{market_data:${symbol}}`, JSON.stringify(frame));
    await program.waitForLine(/^0700\.HK 352\.2/, STARTED_WITHIN_MS);
    await program.kill();
    expect(program.lines().filter((said) => !said.startsWith('0700.HK 352.2'))).toEqual([]);
  },
);

test.concurrent(
  'the wheel says that it is typed, has the license, and nothing that is not of the package',
  async () => {
    const list = 'import sys, zipfile; print("\\n".join(zipfile.ZipFile(sys.argv[1]).namelist()))';
    const files = await run(MAKER, ['-c', list, wheel]);
    expect(files).toEqual(
      expect.arrayContaining(['tickcast/py.typed', expect.stringMatching(/dist-info\/.*LICENSE$/)]),
    );
    expect(files.filter((file) => !/^tickcast(\/\w+\.(py|typed)$|-[\d.]+\.dist-info\/)/.test(file))).toEqual([]);
  },
);

test.concurrent(
  'the package needs neither pandas nor polars until a frame is asked for, and then says so',
  async () => {
    const program = `
import sys, tickcast, tickcast.sync
print(sorted({"pandas", "polars", "numpy"} & set(sys.modules)))
for convert in tickcast.to_pandas, tickcast.to_polars:
    try:
        convert([], channel="alerts")
    except ImportError as error:
        print(error)
`;
    expect(await run(python, ['-W', 'error', '-c', program])).toEqual([
      '[]',
      "to_pandas needs pandas: pip install 'tickcast[pandas]'",
      "to_polars needs polars: pip install 'tickcast[polars]'",
    ]);
  },
);

test.concurrent('what the page shows is Python 3.9, and fits the types of the package', async () => {
  const blocks = BLOCKS.map((block, place) => {
    const body = block.replace('asyncio.run(main())', 'await main()').replaceAll(/^/gm, '    ');
    return `async def block_${place}() -> None:\n${body}`;
  });
  const given = 'client: tickcast.Client\nquotes: List[tickcast.MarketData]\ntoken: str';
  const page = join(folder, 'page.py');
  writeFileSync(page, `import asyncio, tickcast\nfrom typing import List\n${given}\n${blocks.join('\n')}`);
  const parse = 'import ast, sys; ast.parse(open(sys.argv[1], encoding="utf-8").read(), feature_version=(3, 9))';
  await run(MAKER, ['-c', parse, page]);
  const mypy = ['-m', 'mypy', '--check-untyped-defs', '--ignore-missing-imports', '--python-executable', python];
  expect(await run(MAKER, [...mypy, '--cache-dir', join(folder, 'mypy'), page])).toEqual([
    'Success: no issues found in 1 source file',
  ]);
});
