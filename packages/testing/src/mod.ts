import { endAllProcesses } from './processes.ts';

export * from './bustle.ts';
export * from './chaos/run.ts';
export * from './client.ts';
export * from './crowd.ts';
export * from './edge-process.ts';
export * from './eventually.ts';
export * from './fault-proxy.ts';
export * from './ports.ts';
export * from './processes.ts';
export * from './programs.ts';
export * from './random.ts';
export * from './redis-server.ts';
export * from './roamer.ts';
export * from './rollout/balancer-stats.ts';
export * from './rollout/fleet.ts';
export * from './rollout/kill.ts';
export * from './rollout/process-fleet.ts';
export * from './rollout/report.ts';
export * from './rollout/roll.ts';
export * from './rollout/scale.ts';
export * from './scenarios/suite.ts';
export * from './tokens.ts';
export * from './websocket-frames.ts';

// In a test file (imported at its top, where jest's hooks may be registered) nothing outlives the file.
const afterAll: unknown = Reflect.get(globalThis, 'afterAll');
if (typeof afterAll === 'function') afterAll(endAllProcesses);
