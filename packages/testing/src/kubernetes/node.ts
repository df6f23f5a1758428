import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import type { ManagedProcess } from '../processes.ts';
import type { Kubectl } from './kubectl.ts';
import { CGROUP, NETWORK, NODE_NAME, type Layout } from './layout.ts';
import type { Machine } from './machine.ts';
import { writeNodeConfig } from './node-config.ts';

const CGROUPS = '/sys/fs/cgroup';

/** Starts containerd, the kubelet, the proxy to Services and the guard of network policies, and resolves when the node is ready. */
export async function startNode(machine: Machine, layout: Layout, kubectl: Kubectl): Promise<ManagedProcess[]> {
  const { certificates, programs, state } = layout;
  const config = await writeNodeConfig(layout);
  await makeCgroups();
  await machine.run('mkdir', ['-p', '/run/tickcast']);

  const containerd = await machine.start('containerd', 'containerd', ['--config', config.containerd]);
  await eventually(() => machine.run('ctr', ['--address', layout.containerdSocket, 'version']), {
    withinMs: 30_000,
    giveUp: () => !containerd.running,
  });
  const kubelet = await machine.start('kubelet', join(programs, 'kubelet'), [
    `--config=${config.kubelet}`,
    `--kubeconfig=${join(certificates, 'node.kubeconfig')}`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${NETWORK.nodeAddress}`,
    `--root-dir=${join(state, 'kubelet')}`,
    `--cert-dir=${join(state, 'kubelet-certificates')}`,
  ]);
  const proxy = await machine.start('kube-proxy', join(programs, 'kube-proxy'), [`--config=${config.proxy}`]);
  await eventually(() => kubectl.run(['wait', '--for=condition=Ready', `node/${NODE_NAME}`, '--timeout=1s']), {
    withinMs: 90_000,
    giveUp: () => !kubelet.running,
  });
  const networkPolicies = await startNetworkPolicies(machine, layout, kubectl);
  return [containerd, kubelet, proxy, networkPolicies];
}

/** The bridge plugin knows no network policies: kube-router enforces them, with iptables, and does nothing else here. */
async function startNetworkPolicies(machine: Machine, layout: Layout, kubectl: Kubectl): Promise<ManagedProcess> {
  await kubectl.run(['patch', `node/${NODE_NAME}`, '--patch', JSON.stringify({ spec: { podCIDR: NETWORK.pods } })]);
  return machine.start('kube-router', join(layout.programs, 'kube-router'), [
    `--kubeconfig=${join(layout.certificates, 'admin.kubeconfig')}`,
    `--hostname-override=${NODE_NAME}`,
    '--run-firewall=true',
    '--run-router=false',
    '--run-service-proxy=false',
    '--run-loadbalancer=false',
    `--service-cluster-ip-range=${NETWORK.services}`,
    `--service-node-port-range=${NETWORK.nodePorts.replace('-', ':')}`,
    '--iptables-sync-period=10s',
  ]);
}

/** The kubelet wants its root in every hierarchy of cgroup v1, where it makes none itself. */
async function makeCgroups(): Promise<void> {
  for (const hierarchy of await readdir(CGROUPS)) {
    const folder = join(CGROUPS, hierarchy, CGROUP);
    await mkdir(folder, { recursive: true });
    if (!hierarchy.split(',').includes('cpuset')) continue;
    // Empty in a new group, and then nothing can be put into it.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      await writeFile(join(folder, file), await readFile(join(CGROUPS, hierarchy, file), 'utf8'));
    }
  }
}
