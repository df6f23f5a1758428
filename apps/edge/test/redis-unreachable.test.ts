/** An edge that can't get at its Redis says why, in /readyz and in its log; the password stays its own. */
import { expect, test } from '@jest/globals';
import { type EdgeProcess, eventually, freePort, startEdge, startRedis } from '@tickcast/testing';

const PASSWORD = 'right-horse-battery';
const WRONG = 'wrong-horse-battery';

async function expectReason(edge: EdgeProcess, reason: RegExp): Promise<void> {
  await eventually(
    async () => {
      const { status, body } = await edge.admin('/readyz');
      expect({ status, body }).toEqual({ status: 503, body: expect.stringMatching(reason) });
    },
    { withinMs: 15_000 },
  );
  await eventually(() => edge.logs().some((line) => line.includes('out of reach') && reason.test(line)));
  const said = [...edge.logs(), (await edge.admin('/readyz')).body].join('\n');
  for (const secret of [PASSWORD, WRONG]) expect(said).not.toContain(secret);
}

test.each([
  ['127.0.0.1', /ECONNREFUSED/],
  ['localhost', /ECONNREFUSED/],
])('that nothing listens at %s', async (host, reason) => {
  const redisUrl = `redis://:${WRONG}@${host}:${await freePort()}`;
  await expectReason(await startEdge({ redisUrl, awaitReady: false }), reason);
});

test('that the password is wrong or missing; with the right one it gets ready', async () => {
  const { port } = await startRedis({ args: ['--requirepass', PASSWORD] });
  const at = (credentials: string) => `redis://${credentials}127.0.0.1:${port}`;
  const wrong = await startEdge({ redisUrl: at(`:${WRONG}@`), awaitReady: false });
  await expectReason(wrong, /WRONGPASS/);
  const missing = await startEdge({ redisUrl: at(''), awaitReady: false });
  await expectReason(missing, /NOAUTH/);
  const right = await startEdge({ redisUrl: at(`:${PASSWORD}@`) });
  expect(right.logs().join('\n')).not.toContain(PASSWORD);
});
