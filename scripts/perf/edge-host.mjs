// An edge inside a process that collects its garbage on request, for measuring what a connection really holds.
//   {measure} → {rssBytes}
import { readConfig } from '../../apps/edge/dist/config.js';
import { Edge } from '../../apps/edge/dist/edge.js';
import { createLog } from '../../apps/edge/dist/log.js';

const config = readConfig();
await new Edge(config, createLog('warn', config.nodeId)).start();
process.send({ started: true });
process.on('message', async () => {
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  process.send({ rssBytes: process.memoryUsage.rss() });
});
