import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import { expectThat } from '../rollout/promises.ts';
import { ROOT } from './podman-home.ts';
import type { Walk } from './walk.ts';

/** What a first start made, as a client has it. */
export interface Credentials {
  /** PEM. */
  certificate: string;
  /** The file with it, for programs that read it from one. */
  certificateFile: string;
  token: string;
}

const UP_WITHIN_MS = 60_000;

/** Resolves once so many edges are ready and take clients through the balancer. */
export async function untilServing({ compose }: Walk, edges: number): Promise<void> {
  const addressOf = (name: string) => compose.address(name, 'front');
  const balancer = await addressOf(compose.nameOf('balancer_1'));
  const addresses = await Promise.all((await compose.containers('edge')).map(addressOf));
  await eventually(
    async () => {
      const checks = addresses.map((address) => fetch(`http://${address}:9001/readyz`));
      const ready = (await Promise.all(checks)).filter(({ ok }) => ok).length;
      const response = await fetch(`http://${balancer}:8404/metrics`, { headers: { connection: 'close' } });
      const active = /^haproxy_backend_active_servers\{proxy="edges"\} (\d+)/m.exec(await response.text())?.[1];
      if (ready !== edges || Number(active) !== edges)
        throw new Error(`${ready} edges are ready and the balancer has ${active}, instead of ${edges}`);
    },
    { withinMs: UP_WITHIN_MS },
  );
}

/** What a newcomer does: reads the certificate and mints a token with the deployment's own tools. */
export async function takeCredentials({ compose }: Walk): Promise<Credentials> {
  const certificate = await compose.run('setup', ['show-certificate']);
  const certificateFile = join(ROOT, '.tickcast', 'containers', 'certificate.pem');
  writeFileSync(certificateFile, certificate);
  return { certificate, certificateFile, token: await compose.run('cli', ['token', '--sub', 'me']) };
}

/** From nothing, or from what an earlier `down` has left. */
export async function bringUp(walk: Walk): Promise<void> {
  await walk.compose.up();
  await untilServing(walk, 3);
}

interface Inspection {
  Name: string;
  Config: { User: string };
  EffectiveCaps: string[] | null;
  HostConfig: { ReadonlyRootfs: boolean; SecurityOpt: string[] };
}

/** @throws unless every container has what the file promises: no root, nothing to write to, no capabilities */
export async function expectHardened({ podman }: Walk): Promise<string> {
  const names = (await podman.run(['ps', '--format', '{{.Names}}'])).split('\n');
  const containers = JSON.parse(await podman.run(['inspect', ...names])) as Inspection[];
  for (const { Name, Config, EffectiveCaps, HostConfig } of containers) {
    const isHardened =
      /^[1-9]/.test(Config.User) &&
      HostConfig.ReadonlyRootfs &&
      (EffectiveCaps ?? []).length === 0 &&
      HostConfig.SecurityOpt.includes('no-new-privileges');
    const seen = JSON.stringify({ Name, Config: Config.User, EffectiveCaps, HostConfig: HostConfig.SecurityOpt });
    expectThat(isHardened, 'every container is without root, capabilities and a writable root', seen);
  }
  return `${containers.length} containers`;
}

/** @throws when a container's own health check fails, within the time of a start */
export async function expectHealthy({ podman }: Walk): Promise<string> {
  const names = (await podman.run(['ps', '--format', '{{.Names}}'])).split('\n');
  // Run here, since podman leaves that to systemd, which a machine need not have.
  for (const name of names) {
    await eventually(async () => podman.run(['healthcheck', 'run', name]), { withinMs: 20_000 });
  }
  return `${names.length} containers`;
}
