import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type FaultProxy, eventually, startFaultProxy } from './mod.ts';

const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
let proxy: FaultProxy;
let client: Socket;
let heard: string;

beforeEach(async () => {
  heard = '';
  await new Promise<void>((resolve) => void echo.listen(0, '127.0.0.1', resolve));
  proxy = await startFaultProxy((echo.address() as AddressInfo).port);
  client = await join();
});

afterEach(() => {
  proxy.close();
  client.destroy();
  echo.close();
});

test('bytes pass in both directions, and wait while the proxy is stalled', async () => {
  client.write('one ');
  await eventually(() => heard === 'one ');
  proxy.stall();
  client.write('two ');
  const late = await join();
  late.write('late ');
  expect(heard).toBe('one ');
  proxy.heal();
  await eventually(() => heard.includes('two ') && heard.includes('late '));
  late.destroy();
});

test('a cut ends connections and lets new ones in', async () => {
  proxy.cut();
  await once(client, 'close');
  client = await join();
  client.write('again');
  await eventually(() => heard === 'again');
});

async function join(): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: proxy.port });
  socket.on('data', (bytes) => (heard += bytes.toString()));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}
