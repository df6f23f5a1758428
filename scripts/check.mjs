/** `npm run check`: everything that looks at the code without running the product. All of it runs; all failures are told. */
import { join } from 'node:path';
import { newestPython } from './lib/python-environments.mjs';
import { main, ROOT, run, say } from './lib/repo.mjs';
import { build, checkNode, ensureInstalled, tool } from './lib/setup.mjs';

const NODE_OPTIONS = '--experimental-vm-modules --no-warnings';

const PYTHON_CLIENT = join(ROOT, 'packages', 'client-python');

const checksWith = (python) => [
  ['types', tool('tsc'), ['-p', 'tsconfig.check.json'], 'npm run typecheck'],
  ['lint', tool('oxlint'), ['--deny-warnings'], 'npm run lint'],
  ['format', tool('prettier'), ['--check', '.'], 'npm run format (which mends it)'],
  ['dead code', tool('knip'), [], 'npm run deadcode'],
  ['architecture', tool('jest'), ['architecture.test.ts'], 'npm test -- architecture.test.ts'],
  ['Python types (mypy)', python, ['-m', 'mypy'], 'mypy, in packages/client-python', PYTHON_CLIENT],
  [
    'Python types (pyright)',
    tool('pyright'),
    ['--pythonpath', python],
    'npx pyright, in packages/client-python',
    PYTHON_CLIENT,
  ],
  ['Python lint', python, ['-m', 'ruff', 'check'], 'ruff check, in packages/client-python', PYTHON_CLIENT],
  ['Python format', python, ['-m', 'ruff', 'format', '--check'], 'ruff format (which mends it)', PYTHON_CLIENT],
];

await main(async () => {
  checkNode();
  await ensureInstalled();
  const checks = checksWith(await newestPython());
  await build();
  const failed = [];
  for (const [name, command, args, again, cwd] of checks) {
    const ok = (await run(command, args, { quiet: true, cwd, env: { NODE_OPTIONS } })) === 0;
    say(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
    if (!ok) failed.push(`${name}: ${again}`);
  }
  if (failed.length > 0)
    console.error(`\n${failed.length} of ${checks.length} checks failed:\n  ${failed.join('\n  ')}`);
  return failed.length === 0 ? 0 : 1;
});
