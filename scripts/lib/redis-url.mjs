import { connect } from 'node:net';
import { Problem } from './repo.mjs';

const TIMEOUT_MS = 3000;

/** The URL without its password, fit to be printed. */
export function withoutPassword(url) {
  const printable = new URL(url);
  if (printable.password !== '') printable.password = '***';
  return printable.href;
}

/** @throws {Problem} when the text is no Redis URL or nothing listens there */
export async function checkReachable(url) {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    throw new Problem('TICKCAST_REDIS_URL is not like redis://HOST:6379');
  }
  const { hostname, port } = new URL(url);
  const problem = await connectProblem(hostname.replace(/^\[|\]$/g, ''), Number(port || 6379));
  if (problem !== undefined) {
    throw new Problem(
      `no Redis at ${withoutPassword(url)} (${problem}): start it, correct TICKCAST_REDIS_URL, or unset it for a private one`,
    );
  }
}

/** Why a TCP connection can't be made, or undefined when it can. */
export function connectProblem(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TIMEOUT_MS });
    const settle = (problem) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once('connect', () => settle(undefined));
    socket.once('timeout', () => settle(`no answer within ${TIMEOUT_MS / 1000} s`));
    socket.once('error', (error) => settle(error.code ?? error.message));
  });
}
