/**
 * `npm run e2e:kubernetes`: a Kubernetes of one node, made here for the purpose, on which the manifests are applied and the page
 * k8s/README.md is walked. Needs Linux, root and Go; touches nothing outside .tickcast/ and its own namespaces.
 */
import { main, ROOT, run, say } from '../lib/repo.mjs';
import { build, checkNode, ensureInstalled } from '../lib/setup.mjs';
import { ensureBuiltPrograms, ensureSystemPrograms, resourceFolders } from './programs.mjs';

// The walk hears it too, and ends when it has taken down what it brought up.
process.on('SIGINT', () => {});

await main(async () => {
  checkNode();
  await ensureInstalled();
  await ensureSystemPrograms();
  const programs = await ensureBuiltPrograms();
  const resources = resourceFolders();
  await build();
  say('starting a cluster');
  return run(process.execPath, [
    `${ROOT}packages/testing/dist/kubernetes/main.js`,
    '--programs',
    programs,
    ...resources.flatMap((folder) => ['--resources', folder]),
    ...process.argv.slice(2),
  ]);
});
