import type { PublishedAgentStatus } from '@tickcast/protocol';

const MEBIBYTE = 1_048_576;

/** Answers this process's own figures as those of the agent `coordinator`: CPU in percent of a core, memory in MiB. */
export function createProcessStatus(): (status: string, queued: number) => PublishedAgentStatus {
  let at = performance.now();
  let cpu = process.cpuUsage();
  return (status, queued) => {
    const elapsedMs = performance.now() - at;
    const { user, system } = process.cpuUsage(cpu);
    at = performance.now();
    cpu = process.cpuUsage();
    return {
      type: 'agent_status',
      agent_id: 'coordinator',
      data: {
        status,
        cpu_usage: Number(((user + system) / 10 / Math.max(elapsedMs, 1)).toFixed(1)),
        memory_usage: Number((process.memoryUsage.rss() / MEBIBYTE).toFixed(1)),
        task_queue_size: queued,
        last_update: Date.now() / 1000,
      },
    };
  };
}
