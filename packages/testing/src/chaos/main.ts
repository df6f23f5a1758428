import { runChaos } from './run.ts';
const report = await runChaos({ seed: 1, seconds: 10, clients: 100, log: console.log });
const { violations, ...rest } = report;
console.log(rest);
for (const v of violations.slice(0, 8)) console.log(v);
console.log(violations.length);
