/** `npm run e2e:containers [-- SCENARIO...]`: what has to be there before, then the walk through the containers. */
import { join } from 'node:path';
import { ensureContainerPrograms } from '../lib/containers.mjs';
import { ensureKustomize } from '../lib/kustomize.mjs';
import { ensureVenv } from '../lib/python.mjs';
import { main, ROOT, run } from '../lib/repo.mjs';
import { build, checkNode, ensureInstalled } from '../lib/setup.mjs';

// The walk hears it too, and ends when it has taken down what it brought up.
process.on('SIGINT', () => {});

await main(async () => {
  checkNode();
  await ensureInstalled();
  await ensureContainerPrograms();
  const kustomize = await ensureKustomize();
  // Debian's podman-compose is too old to start replicas in the order of their dependencies.
  const python = await ensureVenv('python-containers', ['podman-compose==1.6.0', 'websockets>=14', 'redis']);
  await build();
  const walk = join(ROOT, 'packages/testing/dist/containers/main.js');
  return run(process.execPath, [walk, ...process.argv.slice(2)], {
    env: { TICKCAST_TEST_KUSTOMIZE: kustomize, TICKCAST_TEST_PYTHON_CONTAINERS: python },
  });
});
