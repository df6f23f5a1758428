/** The SDK's own tests, which are pytest's, with the oldest and the newest `websockets` that it works with. */
import { beforeAll, expect, test } from '@jest/globals';
import {
  type EdgeProcess,
  type RedisServer,
  TEST_SECRET,
  mintToken,
  startEdge,
  startProcess,
  startRedis,
} from '@tickcast/testing';
import { PACKAGE, interpreter, sourceEnvironment } from './python.ts';

const RUNS_WITHIN_MS = 120_000;
/** A test that hangs is named, in the last line before the traces. */
const HANGS = ['-o', 'faulthandler_timeout=60', '-o', 'faulthandler_exit_on_timeout=true'];

let redis: RedisServer;
let edges: EdgeProcess[];

beforeAll(async () => {
  redis = await startRedis();
  edges = await Promise.all([startEdge({ redisUrl: redis.url }), startEdge({ redisUrl: redis.url })]);
});

test.concurrent.each([
  // Only this environment has pandas and polars.
  { websockets: 'the newest', variable: 'TICKCAST_TEST_PYTHON_LATEST', args: [] },
  { websockets: 'the oldest', variable: 'TICKCAST_TEST_PYTHON_13', args: ['--ignore=tests/test_frames.py'] },
])(
  "the Python SDK's tests pass with $websockets websockets",
  async ({ variable, args }) => {
    const env = sourceEnvironment({
      TICKCAST_TEST_URL: edges[0]?.url,
      TICKCAST_TEST_URL_2: edges[1]?.url,
      TICKCAST_TEST_ADMIN_URL: edges[0]?.adminUrl,
      TICKCAST_TEST_TOKEN: await mintToken({ sub: variable }),
      TICKCAST_TEST_SECRET: TEST_SECRET,
      TICKCAST_TEST_REDIS_URL: redis.url,
    });
    const command = ['-m', 'pytest', '--verbose', '--color=no', '-p', 'no:cacheprovider', ...HANGS, ...args];
    const pytest = await startProcess(interpreter(process.env[variable]), command, { cwd: PACKAGE, env });
    const { code } = await pytest.exited;
    const said = pytest.lines().join('\n');
    expect(code === 0 ? '' : said).toBe('');
    expect(said).toMatch(/ \d+ passed in /);
  },
  RUNS_WITHIN_MS,
);
