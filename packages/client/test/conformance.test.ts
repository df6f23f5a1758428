/** CLIENTS.md: the TypeScript SDK ends every scenario of packages/protocol/conformance/clients as it must. */
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { createScenarioSuite, startDriver } from '@tickcast/testing';

const PROGRAM = fileURLToPath(new URL('conformance-driver.mjs', import.meta.url));

const suite = createScenarioSuite({
  driver: () => startDriver({ command: process.execPath, args: [PROGRAM] }),
  abilities: ['status'],
  atOnce: 8,
});

afterAll(() => suite.close());

test.concurrent.each(suite.scenarios.map((scenario) => [scenario.name, scenario] as const))(
  '%s',
  async (_, scenario) => {
    await expect(suite.run(scenario)).resolves.toBeUndefined();
  },
  120_000,
);
