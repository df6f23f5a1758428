/** `npm run check`: everything that looks at the code without running the product. All of it runs; all failures are told. */
import { main, run, say } from './lib/repo.mjs';
import { build, checkNode, ensureInstalled, tool } from './lib/setup.mjs';

const NODE_OPTIONS = '--experimental-vm-modules --no-warnings';

const CHECKS = [
  ['types', tool('tsc'), ['-p', 'tsconfig.check.json'], 'npm run typecheck'],
  ['lint', tool('oxlint'), ['--deny-warnings'], 'npm run lint'],
  ['format', tool('prettier'), ['--check', '.'], 'npm run format (which mends it)'],
  ['dead code', tool('knip'), [], 'npm run deadcode'],
  ['architecture', tool('jest'), ['architecture.test.ts'], 'npm test -- architecture.test.ts'],
];

await main(async () => {
  checkNode();
  await ensureInstalled();
  await build();
  const failed = [];
  for (const [name, command, args, again] of CHECKS) {
    const ok = (await run(command, args, { quiet: true, env: { NODE_OPTIONS } })) === 0;
    say(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
    if (!ok) failed.push(`${name}: ${again}`);
  }
  if (failed.length > 0)
    console.error(`\n${failed.length} of ${CHECKS.length} checks failed:\n  ${failed.join('\n  ')}`);
  return failed.length === 0 ? 0 : 1;
});
