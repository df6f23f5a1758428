/** `npm run chaos`: breaks a cluster in every way that the suite knows, and says what clients noticed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Violation } from './accounting.ts';
import { runChaos } from './run.ts';
import { FAULTS } from './script.ts';

const SHOWN = 20;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    seconds: { type: 'string', default: '60' },
    faults: { type: 'string' },
    clients: { type: 'string', default: '300' },
    list: { type: 'boolean', default: false },
  },
});

if (values.list) {
  for (const { name, about } of FAULTS) console.log(`${name.padEnd(20)} ${about}`);
} else {
  const seed = number('seed', values.seed);
  console.log(`seed ${seed}`);
  const report = await runChaos({
    seed,
    seconds: number('seconds', values.seconds),
    clients: number('clients', values.clients),
    ...(values.faults === undefined ? {} : { faults: values.faults.split(',') }),
    log: (line) => console.log(line),
  });
  const { violations, published, pushes, gaps, mostSeats, resumedSeats } = report;
  console.log(
    `${published} events published, ${pushes} pushes and ${gaps} gaps accounted for; at most ${mostSeats} seats taken, ` +
      `${resumedSeats} had back`,
  );
  tell(violations);
  if (violations.length > 0) {
    console.log(`frames: ${save(seed, violations)}`);
    process.exitCode = 1;
  } else console.log('no violation');
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new RangeError(`--${name} must be a whole number, not "${text}"`);
  return value;
}

function tell(violations: readonly Violation[]): void {
  const kinds = new Map<string, number>();
  for (const { kind, during } of violations) {
    const name = `${kind} during ${during || 'nothing'}`;
    kinds.set(name, (kinds.get(name) ?? 0) + 1);
  }
  for (const [name, count] of kinds) console.log(`${count} x ${name}`);
  for (const { kind, where, stream, detail } of violations.slice(0, SHOWN)) {
    console.log(`  ${kind}: ${where}${stream === null ? '' : ` ${stream}`}: ${detail}`);
  }
  if (violations.length > SHOWN) console.log(`  and ${violations.length - SHOWN} more`);
}

function save(seed: number, violations: readonly Violation[]): string {
  const directory = join('.tickcast', 'chaos');
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `seed-${seed}.txt`);
  const texts = violations.map(({ kind, where, stream, detail, during, at, frames }) =>
    [`# ${kind} ${where} ${stream ?? ''} (${during}) ${new Date(at).toISOString()}`, detail, ...frames, ''].join('\n'),
  );
  writeFileSync(path, texts.join('\n'));
  return path;
}
