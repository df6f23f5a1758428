/** `npm run chaos`: breaks a cluster in every way that the suite knows, and says what clients noticed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Violation } from './accounting.ts';
import { type ChaosReport, startChaos } from './run.ts';
import { FAULTS, faultNamed } from './script.ts';

const SHOWN = 20;

const USAGE = `npm run chaos -- [--seed N] [--seconds S] [--faults a,b] [--clients N] [--list]

  --seed     what is drawn, and when; the same seed draws the same
  --seconds  new faults begin for so long, one or several at once (60)
  --faults   these, one after the other, in place of drawn ones
  --clients  which is also the number of seats (300)
  --list     the faults`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    seconds: { type: 'string', default: '60' },
    faults: { type: 'string' },
    clients: { type: 'string', default: '300' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(USAGE);
else if (values.list) {
  for (const { name, about } of FAULTS) console.log(`${name.padEnd(20)} ${about}`);
} else {
  const seed = number('seed', values.seed);
  const faults = values.faults?.split(',').map((name) => faultNamed(name).name);
  console.log(`seed ${seed}`);
  const report = await run(seed, number('clients', values.clients), number('seconds', values.seconds), faults);
  tell(report);
  if (report.violations.length > 0) {
    console.log(`frames: ${save(seed, report.violations)}`);
    process.exitCode = 1;
  }
}

async function run(
  seed: number,
  clients: number,
  seconds: number,
  faults: readonly string[] | undefined,
): Promise<ChaosReport> {
  const chaos = await startChaos({ seed, clients, log: (line) => console.log(line) });
  try {
    const until = performance.now() + seconds * 1000;
    for (const fault of faults ?? []) await chaos.suffer(fault);
    while (!faults && performance.now() < until) await chaos.sufferAnything();
    await chaos.settle();
    return chaos.report();
  } finally {
    await chaos.end();
  }
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new RangeError(`--${name} must be a whole number, not "${text}"`);
  return value;
}

function tell({ violations, published, pushes, gaps, mostSeats, resumedSeats, closes }: ChaosReport): void {
  console.log(
    `${published} events published, ${pushes} pushes and ${gaps} gaps accounted for; ` +
      `at most ${mostSeats} seats taken, ${resumedSeats} had back`,
  );
  console.log(`connections ended: ${[...closes].map(([code, count]) => `${count} x ${code}`).join(', ') || 'none'}`);
  if (violations.length === 0) console.log('no violation');
  const counts = new Map<string, number>();
  for (const { kind, during } of violations) {
    const name = `${kind} during ${during}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const [name, count] of counts) console.log(`${count} x ${name}`);
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
