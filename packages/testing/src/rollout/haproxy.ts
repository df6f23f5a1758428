import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../command.ts';
import { eventually } from '../eventually.ts';
import { guardPath } from '../guardian.ts';
import { freePort } from '../ports.ts';
import { type Exit, type ManagedProcess, cleanEnvironment, startProcess } from '../processes.ts';
import { findProgram } from '../programs.ts';
import { type BalancedServer, readServers } from './balancer-stats.ts';

/** A real HAProxy on free ports of 127.0.0.1, with the configuration that is deployed. */
export interface HaproxyProcess {
  /** Of the WebSocket endpoint, in clear and by TLS (with a certificate for `localhost`). */
  readonly url: string;
  readonly wssUrl: string;
  /** Path of the certificate, which vouches for itself. */
  readonly certificate: string;
  /** GET on the port for operators. */
  admin(path: string): Promise<{ status: number; body: string }>;
  /** Every edge that it knows of. */
  servers(): Promise<readonly BalancedServer[]>;
  logs(): string[];
  /** SIGKILL and wait. */
  kill(): Promise<Exit>;
}

export interface HaproxyOptions {
  /** Port of the name server, on 127.0.0.1, that it asks for the edges. */
  dnsPort: number;
  edgePort: number;
  edgeAdminPort: number;
  /** Variables of the configuration over those. */
  env?: NodeJS.ProcessEnv;
}

const CONFIGURATION = fileURLToPath(new URL('../../../../deploy/haproxy/haproxy.cfg', import.meta.url));
const ATTEMPTS = 5;

/**
 * @throws when `haproxy` or `openssl` is not on PATH, or the configuration is not accepted; the message says why
 */
export async function startHaproxy(options: HaproxyOptions): Promise<HaproxyProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'tickcast-haproxy-'));
  guardPath(directory);
  const configuration = join(directory, 'haproxy.cfg');
  writeFileSync(configuration, withNameServer(readFileSync(CONFIGURATION, 'utf8'), options.dnsPort));
  const { certificate, bundle } = await makeCertificate(directory);
  for (let attempt = 1; ; attempt++) {
    const [ws, wss, adminPort] = [await freePort(), await freePort(), await freePort()];
    const env = cleanEnvironment({
      TICKCAST_BALANCER_WS: `127.0.0.1:${ws}`,
      TICKCAST_BALANCER_WSS: `127.0.0.1:${wss}`,
      TICKCAST_BALANCER_ADMIN: `127.0.0.1:${adminPort}`,
      TICKCAST_BALANCER_CERTIFICATE: bundle,
      TICKCAST_EDGE_PORT: String(options.edgePort),
      TICKCAST_EDGE_ADMIN_PORT: String(options.edgeAdminPort),
      ...options.env,
    });
    // -dR: a port that somebody else has is refused, not shared.
    const child = await startProcess(
      findProgram(['haproxy'], 'install HAProxy 2.6 or newer'),
      ['-db', '-dR', '-f', configuration],
      { env },
    );
    const haproxy = describe(child, { ws, wss, adminPort, certificate });
    try {
      await eventually(() => haproxy.servers(), { giveUp: () => !child.running });
      return haproxy;
    } catch (error) {
      await child.kill();
      const taken = child.lines().some((line) => line.includes('Address already in use'));
      if (!taken || attempt === ATTEMPTS) {
        throw new Error(`HAProxy does not run with ${CONFIGURATION}:\n${child.lines().join('\n')}`, { cause: error });
      }
    }
  }
}

function describe(
  child: ManagedProcess,
  at: { ws: number; wss: number; adminPort: number; certificate: string },
): HaproxyProcess {
  const admin = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${at.adminPort}${path}`, { headers: { connection: 'close' } });
    return { status: response.status, body: await response.text() };
  };
  return {
    url: `ws://127.0.0.1:${at.ws}/api/v1/websocket`,
    wssUrl: `wss://localhost:${at.wss}/api/v1/websocket`,
    certificate: at.certificate,
    admin,
    servers: async () => readServers((await admin('/stats;csv')).body),
    logs: () => child.lines(),
    kill: () => child.kill(),
  };
}

/**
 * Containers have their name server in /etc/resolv.conf; here it is the kit's own. This one line is all that differs from
 * what is deployed.
 */
function withNameServer(configuration: string, port: number): string {
  const line = /^( *)parse-resolv-conf$/m;
  if (!line.test(configuration)) throw new Error(`${CONFIGURATION} has no line "parse-resolv-conf" to be replaced`);
  return configuration.replace(line, `$1nameserver kit 127.0.0.1:${port}`);
}

async function makeCertificate(directory: string): Promise<{ certificate: string; bundle: string }> {
  const certificate = join(directory, 'certificate.pem');
  const key = join(directory, 'key.pem');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-days', '2'];
  await runCommand('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', certificate]);
  const bundle = join(directory, 'tls.pem');
  writeFileSync(bundle, readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'));
  return { certificate, bundle };
}
