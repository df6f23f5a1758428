import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { must, Problem, ROOT, say, statePath } from '../lib/repo.mjs';
import { findProgram, installPackages } from '../lib/system-packages.mjs';

const MODULES = join(ROOT, 'scripts/kubernetes/go');

// Binaries of Kubernetes say which version they are only when the linker tells them; a kubelet of "v0.0.0" is refused.
const KUBERNETES_VERSION = /k8s\.io\/kubernetes (v\S+)/.exec(
  readFileSync(join(MODULES, 'control-plane/go.mod'), 'utf8'),
)[1];

const KUBERNETES_PROGRAMS = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-proxy',
  'kube-scheduler',
  'kubectl',
  'kubelet',
];

/** What is built of each folder of go/: the module's path and its programs. */
const BUILDS = [
  { folder: 'control-plane', packages: KUBERNETES_PROGRAMS.map((name) => `k8s.io/kubernetes/cmd/${name}`) },
  { folder: 'dns', packages: ['github.com/coredns/coredns'] },
  { folder: 'network-policy', packages: ['github.com/cloudnativelabs/kube-router/v2/cmd/kube-router'] },
  { folder: 'metrics-adapter', packages: ['sigs.k8s.io/prometheus-adapter/cmd/adapter'] },
  { folder: 'gateway', packages: ['github.com/traefik/traefik/v3/cmd/traefik'] },
];

/** Programs and the Debian packages they come from. */
const SYSTEM_PROGRAMS = {
  etcd: 'etcd-server',
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  ipset: 'ipset',
  ip: 'iproute2',
  unshare: 'util-linux',
  openssl: 'openssl',
  pgrep: 'procps',
  hostname: 'hostname',
};
const CNI_PLUGINS = '/usr/lib/cni';

/**
 * What Debian has of a Kubernetes node.
 *
 * @throws {Problem} that says what to install
 */
export async function ensureSystemPrograms() {
  if (process.platform !== 'linux' || process.getuid() !== 0) {
    throw new Problem('a node needs Linux and root: run it as root, in a virtual machine where that matters');
  }
  const missing = Object.entries(SYSTEM_PROGRAMS)
    .filter(([program]) => findProgram(program) === undefined)
    .map(([, name]) => name);
  if (!existsSync(join(CNI_PLUGINS, 'bridge'))) missing.push('containernetworking-plugins');
  if (missing.length === 0) return;
  const { done, advice } = await installPackages({ 'apt-get': [...new Set(missing)] });
  if (!done) throw new Problem(`a node needs ${missing.join(', ')}, by their names in Debian: ${advice}`);
}

/**
 * Builds the programs of Kubernetes and what belongs to a cluster, each once: some ten minutes on two cores.
 *
 * @returns {Promise<string>} the folder they are in
 */
export async function ensureBuiltPrograms() {
  if (findProgram('go') === undefined) {
    throw new Problem('Go 1.24 or newer is needed to build Kubernetes, of which there are no packages: put go on PATH');
  }
  const bin = statePath('kubernetes', 'bin');
  for (const { folder, packages } of BUILDS) {
    for (const path of packages) await buildOnce(bin, join(MODULES, folder), path);
  }
  return bin;
}

async function buildOnce(bin, module, path) {
  const name = path.split('/').at(-1);
  const target = join(bin, `${name}-${fingerprint(module)}`);
  if (!existsSync(target)) {
    say(`building ${name} (once)`);
    const version = `-X k8s.io/component-base/version.gitVersion=${KUBERNETES_VERSION}`;
    const flags = ['-trimpath', '-ldflags', `-s -w ${version}`, '-o', `${target}.part`, path];
    await must(`${name} could not be built`, 'go', ['-C', module, 'build', ...flags], {
      quiet: true,
      env: { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
    });
    renameSync(`${target}.part`, target);
  }
  // Each time: the checkout may have gone back to a version that was built before the last one.
  rmSync(join(bin, name), { force: true });
  symlinkSync(target, join(bin, name));
}

/** The Go modules' folders that hold the definitions of resources the manifests use and Kubernetes does not bring. */
export function resourceFolders() {
  const modules = ['sigs.k8s.io/gateway-api', 'github.com/kedacore/keda/v2'];
  const output = execFileSync('go', ['-C', join(MODULES, 'resources'), 'mod', 'download', '-json', ...modules], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // One JSON object after the other.
  const [gateway, keda] = JSON.parse(`[${output.replaceAll(/^\}\n\{/gm, '},\n{')}]`).map(({ Dir }) => Dir);
  return [join(gateway, 'config/crd/standard'), join(keda, 'config/crd/bases')];
}

function fingerprint(module) {
  return createHash('sha256')
    .update(readFileSync(join(module, 'go.mod')))
    .digest('hex')
    .slice(0, 12);
}
