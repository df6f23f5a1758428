import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outputs } from './outputs.ts';

const root = new URL('../../', import.meta.url);

for (const [path, contents] of outputs()) {
  const file = fileURLToPath(new URL(path, root));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, contents);
}
