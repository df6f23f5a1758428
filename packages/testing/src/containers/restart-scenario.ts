import { connectClient } from '../client.ts';
import { expectThat } from '../rollout/promises.ts';
import { numberOf, publishAlert } from './client-scenario.ts';
import { bringUp, takeCredentials } from './deployment.ts';
import type { Walk } from './walk.ts';

/** All containers removed and made again: what is in the volumes is still there. */
export async function restartScenario(walk: Walk): Promise<void> {
  const { compose, steps } = walk;
  await bringUp(walk);
  const before = await takeCredentials(walk);
  const client = await connectClient(compose.wsUrl, { token: before.token });
  const { epoch, seq } = await client.request({ type: 'subscribe', channel: 'alerts' });
  const n = await publishAlert(compose.redisUrl);
  await client.next((frame) => numberOf(frame) === n);
  await client.close();

  await steps.show('down, and up again', async () => {
    await compose.down();
    await bringUp(walk);
  });
  await steps.show('the certificate and the secret are the same', async () => {
    const after = await takeCredentials(walk);
    expectThat(after.certificate === before.certificate, 'the certificate is kept', after.certificate);
  });
  await steps.show('a token from before brings back an alert from before', async () => {
    const back = await connectClient(compose.wsUrl, { token: before.token });
    const reply = await back.request({ type: 'subscribe', channel: 'alerts', since: { epoch, seq } });
    expectThat(reply.type === 'subscribed', 'the token is good', JSON.stringify(reply));
    await back.next((frame) => numberOf(frame) === n);
    await back.close();
  });
}
