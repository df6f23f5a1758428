/** `npm test [-- JEST ARGUMENTS]`: the whole suite, against real servers, from a fresh clone on. */
import { ensureChromium } from './lib/chromium.mjs';
import { ensureHaproxy } from './lib/haproxy.mjs';
import { ensureKustomize } from './lib/kustomize.mjs';
import { newestPython, oldestPython } from './lib/python-environments.mjs';
import { main, run, say } from './lib/repo.mjs';
import { ensureRedisServer } from './lib/redis.mjs';
import { build, checkNode, ensureInstalled, tool } from './lib/setup.mjs';

await main(async () => {
  checkNode();
  await ensureInstalled();
  await ensureRedisServer();
  await ensureHaproxy();
  const chromium = await ensureChromium();
  const kustomize = await ensureKustomize();
  // One after the other, as the first may have to install Python; they mostly wait for what they download.
  const pythons = async () => [await oldestPython(), await newestPython()];
  const [[python13, pythonLatest]] = await Promise.all([pythons(), build()]);
  say('testing');
  return run(tool('jest'), process.argv.slice(2), {
    env: {
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --no-warnings`.trim(),
      TICKCAST_TEST_CHROMIUM: chromium,
      TICKCAST_TEST_KUSTOMIZE: kustomize,
      TICKCAST_TEST_PYTHON_13: python13,
      TICKCAST_TEST_PYTHON_LATEST: pythonLatest,
    },
  });
});
