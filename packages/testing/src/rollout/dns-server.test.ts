import { Resolver } from 'node:dns/promises';
import { expect, test } from '@jest/globals';
import { startDnsServer } from './dns-server.ts';

test('a name has the addresses that it was given last, and no others exist', async () => {
  const server = await startDnsServer('edge');
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${server.port}`]);
  await expect(resolver.resolve4('edge')).rejects.toMatchObject({ code: 'ENOTFOUND' });

  const addresses = Array.from({ length: 20 }, (_, index) => `127.1.2.${index + 1}`);
  server.setAddresses(addresses);
  expect(await resolver.resolve4('edge')).toEqual(addresses);
  expect(await resolver.resolve4('EDGE')).toEqual(addresses);
  await expect(resolver.resolve6('edge')).rejects.toMatchObject({ code: 'ENODATA' });
  await expect(resolver.resolve4('edges')).rejects.toMatchObject({ code: 'ENOTFOUND' });

  server.setAddresses(['127.1.2.9']);
  expect(await resolver.resolve4('edge')).toEqual(['127.1.2.9']);
  server.close();
});
