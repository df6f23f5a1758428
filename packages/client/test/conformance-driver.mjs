/** The TypeScript SDK in Node: commands come as JSON lines, reports go as JSON lines; the end of its input is its own. */
import { createInterface } from 'node:readline';
import { Tickcast } from '@tickcast/client';
import { drive } from './conformance-driver-core.mjs';

const obey = drive(Tickcast, (report) => process.stdout.write(`${JSON.stringify(report)}\n`));

for await (const line of createInterface({ input: process.stdin })) await obey(JSON.parse(line));
await obey({ do: 'reset' });
