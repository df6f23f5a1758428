import { generateKeyPairSync } from 'node:crypto';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mintToken } from '@tickcast/testing';
import { type JWK, exportJWK } from 'jose';

/** Serves a JWKS as an identity provider does, and counts who asks. */
export interface KeyServer {
  readonly url: string;
  /** Requests so far. */
  readonly requests: number;
  /** Keeps answers back until `release`. */
  hold(): void;
  release(): void;
  /** The status of the answers from now on. */
  answerWith(status: number): void;
  close(): void;
}

export async function startKeyServer(keys: readonly JWK[]): Promise<KeyServer> {
  const kept: Array<() => void> = [];
  let holding = false;
  let requests = 0;
  let status = 200;
  const server: Server = createServer((_request, response) => {
    requests += 1;
    const answer = () => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
    };
    if (holding) kept.push(answer);
    else answer();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    get requests() {
      return requests;
    },
    hold() {
      holding = true;
    },
    release() {
      holding = false;
      for (const answer of kept.splice(0)) answer();
    },
    answerWith(code) {
      status = code;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A key server that answers nobody until `release`: an edge with that `env` has the tokens minted here under check until then. */
export async function startHeldKeyServer() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const keyServer = await startKeyServer([await exportJWK(publicKey)]);
  keyServer.hold();
  return {
    keyServer,
    env: { TICKCAST_AUTH_SECRET: undefined, TICKCAST_AUTH_JWKS_URL: keyServer.url },
    mint: (sub: string) => mintToken({ sub, secret: privateKey, alg: 'EdDSA' }),
  };
}
