import type { Report } from './report.ts';
import { Finding } from './report.ts';
import { type EdgeLink, type Frame, NobodyThereError, openEdgeLink } from './edge-link.ts';

const START_ADVICE = 'start one, or set TICKCAST_URL to where it runs; `npm start` runs two';

/** What an edge tells of itself. */
export interface EdgeView {
  link: EdgeLink;
  /** The cap of the cluster. */
  connections: number;
  /** Seconds its clock is ahead of this machine's. */
  clockAhead: number;
}

export interface EdgePlace {
  url: URL;
  /** null: there is none, and no secret to make one with. */
  token: string | null;
  /** Whether an edge must be there: not where it is looked for only by default. */
  isRequired: boolean;
}

/** @returns the edge once it has given a seat; null otherwise, which is reported */
export async function checkEdge(report: Report, { url, token, isRequired }: EdgePlace): Promise<EdgeView | null> {
  let view: EdgeView | null = null;
  await report.check('edge', '', async () => {
    const link = await openEdgeLink(url, token).catch((error: Error) => {
      if (!(error instanceof NobodyThereError)) throw new Finding('failed', error.message, adviceFor(error.message));
      throw new Finding(isRequired ? 'failed' : 'skipped', `none at ${url.host} (${error.message})`, START_ADVICE);
    });
    if (token === null) {
      link.close();
      const advice = 'set TICKCAST_TOKEN, or TICKCAST_AUTH_SECRET to the secret of the edges';
      throw new Finding('skipped', `one answers at ${url.host}; without a token no more can be seen`, advice);
    }
    try {
      const { node, limits } = await ask(link, 'hello', 'welcome');
      view = { link, connections: Number((limits as Frame)['connections']), clockAhead: await clockAhead(link) };
      return `${String(node)} at ${url.host} gave a seat`;
    } catch (error) {
      link.close();
      throw new Finding('failed', (error as Error).message, adviceFor((error as Error).message));
    }
  });
  return view;
}

async function clockAhead(link: EdgeLink): Promise<number> {
  const before = Date.now();
  const { server_time } = await ask(link, 'ping', 'pong');
  return Number(server_time) - (before + Date.now()) / 2000;
}

async function ask(link: EdgeLink, type: string, answer: string): Promise<Frame> {
  const answered = link.next((frame) => frame['type'] === answer);
  link.send({ type });
  return await answered;
}

function adviceFor(message: string): string {
  if (message.startsWith('authentication_failed'))
    return 'use a token that this edge accepts: the same secret, not expired';
  if (message.startsWith('connection_limit_exceeded')) return 'all seats are in use: raise TICKCAST_MAX_CONNECTIONS';
  if (message.startsWith('backplane_unavailable')) return "this edge does not reach its Redis: see the edge's log";
  if (message.includes('certificate')) return 'name the authority that signed it in NODE_EXTRA_CA_CERTS';
  return "look at the edge's log, and whether the URL is that of an edge";
}
