/** `npm test [-- JEST ARGUMENTS]`: the whole suite, against real servers, from a fresh clone on. */
import { ensureHaproxy } from './lib/haproxy.mjs';
import { ensureKustomize } from './lib/kustomize.mjs';
import { ensureVenv } from './lib/python.mjs';
import { main, run, say } from './lib/repo.mjs';
import { ensureRedisServer } from './lib/redis.mjs';
import { build, checkNode, ensureInstalled, tool } from './lib/setup.mjs';

await main(async () => {
  checkNode();
  await ensureInstalled();
  await ensureRedisServer();
  await ensureHaproxy();
  const kustomize = await ensureKustomize();
  // The seed's Python sample passes `extra_headers`, which newer versions of websockets call `additional_headers`.
  const python13 = await ensureVenv('python-websockets-13', ['websockets==13.1', 'redis']);
  const pythonLatest = await ensureVenv('python-websockets-latest', ['websockets>=14', 'redis']);
  await build();
  say('testing');
  return run(tool('jest'), process.argv.slice(2), {
    env: {
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --no-warnings`.trim(),
      TICKCAST_TEST_KUSTOMIZE: kustomize,
      TICKCAST_TEST_PYTHON_13: python13,
      TICKCAST_TEST_PYTHON_LATEST: pythonLatest,
    },
  });
});
