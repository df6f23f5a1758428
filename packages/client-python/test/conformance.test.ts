/** CLIENTS.md: the Python SDK ends every scenario of packages/protocol/conformance/clients as it must. */
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { createScenarioSuite, startDriver } from '@tickcast/testing';
import { interpreter, sourceEnvironment } from './python.ts';

const PROGRAM = fileURLToPath(new URL('../tests/conformance_driver.py', import.meta.url));

const suite = createScenarioSuite({
  driver: () =>
    startDriver({
      command: interpreter(process.env['TICKCAST_TEST_PYTHON_LATEST']),
      args: [PROGRAM],
      // A file or a socket that nobody closed, a coroutine that nobody awaited.
      env: sourceEnvironment({ PYTHONWARNINGS: 'always::ResourceWarning,always::RuntimeWarning' }),
    }),
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
