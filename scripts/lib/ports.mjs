import { createServer } from 'node:net';

/** Whether nothing listens on this TCP port, on any address. */
export async function isPortFree(port) {
  // One that listens on 127.0.0.1 alone does not keep another off the wildcard address, and the other way round.
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, undefined));
}

/** A free TCP port of 127.0.0.1: the wanted one, else any. */
export async function freePort(wanted) {
  if (await isPortFree(wanted)) return wanted;
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function canListen(port, host) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
