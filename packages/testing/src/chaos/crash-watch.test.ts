/** An edge that ends without being asked to is told of; one that is killed on purpose is not. */
import { afterAll, expect, test } from '@jest/globals';
import { startEdge } from '../edge-process.ts';
import { endAllProcesses } from '../processes.ts';
import { watchForCrash } from './crash-watch.ts';

afterAll(endAllProcesses);

test('an edge that ends by itself is told of with its last lines, one that was killed is not', async () => {
  const told: string[] = [];
  const edges = [];
  for (const name of ['first', 'second']) {
    const edge = await startEdge({ redisUrl: 'redis://127.0.0.1:1', awaitReady: false });
    edges.push(watchForCrash(edge, (detail) => void told.push(`${name}: ${detail}`)));
  }
  const [first, second] = edges;
  first?.signal('SIGABRT');
  await first?.exited;
  await second?.kill();
  expect(told).toEqual(['first: the edge ended by itself, with SIGABRT']);
});
