/** The least that a server on the edge's engine can do to admit a client: accept, and check the token with jose. */
import { webcrypto } from 'node:crypto';
import { jwtVerify } from 'jose';
import uWS from 'uWebSockets.js';
import { announce, HOST } from './announce.ts';
import { readSettings } from './config.ts';

const UNAUTHORIZED = 4401;
const BEARER = 'Bearer ';

interface Client {
  token: string;
  closed: boolean;
}

const { port, secret } = readSettings();
const algorithm = { name: 'HMAC', hash: 'SHA-256' };
/** Imported once, as the edge does it, so that a check costs the same in both: jose would import a secret for each token. */
const key = await webcrypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, ['verify']);

async function admit(ws: uWS.WebSocket<Client>): Promise<void> {
  const client = ws.getUserData();
  const isGood = await jwtVerify(client.token, key, { algorithms: ['HS256'], requiredClaims: ['exp'] }).then(
    () => true,
    () => false,
  );
  // The engine throws when a socket that has closed meanwhile is written to.
  if (client.closed) return;
  if (isGood) ws.send('{"type":"welcome"}', false);
  else ws.end(UNAUTHORIZED);
}

uWS
  .App()
  .ws<Client>('/*', {
    compression: uWS.DISABLED,
    upgrade: (res, req, context) => {
      const authorization = req.getHeader('authorization');
      const token = authorization.startsWith(BEARER) ? authorization.slice(BEARER.length) : '';
      // The engine wants its upgrade before anything is awaited.
      res.upgrade<Client>(
        { token, closed: false },
        req.getHeader('sec-websocket-key'),
        req.getHeader('sec-websocket-protocol'),
        req.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open: (ws) => void admit(ws),
    close: (ws) => {
      ws.getUserData().closed = true;
    },
  })
  .listen(HOST, port, (socket) => {
    if (!socket) throw new Error(`can't listen on ${HOST}:${port}; is something else running there?`);
    announce(uWS.us_socket_local_port(socket));
  });
