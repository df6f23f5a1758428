import { once } from 'node:events';
import { connect } from 'node:net';

/** PUBLISHes so many bytes over a connection that nothing watches: the product's own would be cut while it writes for so long. */
export async function publishLarge(redisUrl: string, channel: string, bytes: number): Promise<void> {
  const { hostname, port } = new URL(redisUrl);
  const socket = connect({ host: hostname, port: Number(port) });
  const head = `*3\r\n$7\r\nPUBLISH\r\n$${Buffer.byteLength(channel)}\r\n${channel}\r\n$${bytes}\r\n`;
  socket.write(Buffer.concat([Buffer.from(head), Buffer.alloc(bytes, '{'), Buffer.from('\r\n')]));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  if (!answer.toString().startsWith(':')) throw new Error(`Redis answered ${answer.toString()}`);
}
