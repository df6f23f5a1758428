/**
 * Shows on a real Kubernetes what the manifests and the page of k8s/ promise. Called by scripts/kubernetes/main.mjs, with the
 * names of chapters where not all are wanted.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../containers/podman-home.ts';
import { endAllProcesses } from '../processes.ts';
import { CHAPTERS, isChapter, type Chapter } from './chapters.ts';
import { startCluster } from './cluster.ts';
import { chapter, say } from './steps.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { programs: { type: 'string' }, resources: { type: 'string', multiple: true, default: [] } },
});
const unknown = positionals.filter((name) => !isChapter(name));
if (values.programs === undefined || unknown.length > 0) {
  const names = Object.keys(CHAPTERS).join(', ');
  console.error(
    `tickcast: ${unknown.join(', ')} is no chapter; there are ${names}: npm run e2e:kubernetes -- CHAPTER…`,
  );
  process.exit(2);
}

const root = join(ROOT, '.tickcast/kubernetes/run');
await rm(root, { recursive: true, force: true });
const cluster = await startCluster(root, values.programs);
let stopping: Promise<void> | undefined;
const stop = (): Promise<void> => (stopping ??= cluster.stop());
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stop().finally(() => process.exit(1)));
}

try {
  const wanted = positionals.length > 0 ? positionals.filter(isChapter) : (Object.keys(CHAPTERS) as Chapter[]);
  for (const [name, { title, show }] of Object.entries(CHAPTERS)) {
    if (!wanted.includes(name as Chapter)) continue;
    chapter(title);
    await show(cluster, values.resources);
  }
  const broken = cluster.broken();
  if (broken.length > 0) throw new Error(`parts of the cluster ended by themselves: ${broken.join(', ')}`);
} finally {
  await stop();
  await endAllProcesses();
}
say('all of it holds, and nothing is left behind');
