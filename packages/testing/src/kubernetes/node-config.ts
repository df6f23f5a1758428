import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CGROUP, NETWORK, NODE_NAME, type Layout } from './layout.ts';

/** The image of the container that holds a pod's namespaces open. */
export const PAUSE_IMAGE = 'localhost/tickcast-pause:1';

const CNI_PLUGINS = '/usr/lib/cni';

export interface NodeConfig {
  containerd: string;
  kubelet: string;
  proxy: string;
}

/** Writes the configuration of all that runs on the node and answers the files' paths. */
export async function writeNodeConfig(layout: Layout): Promise<NodeConfig> {
  const { config } = layout;
  const paths = {
    containerd: join(config, 'containerd.toml'),
    kubelet: join(config, 'kubelet.json'),
    proxy: join(config, 'kube-proxy.json'),
  };
  await writeFile(paths.containerd, containerdConfig(layout));
  await writeFile(join(config, '10-pods.conflist'), JSON.stringify(podNetwork(layout)));
  // Nothing is asked outside: the cluster's DNS knows the cluster.
  await writeFile(join(config, 'resolv.conf'), '');
  await writeFile(paths.kubelet, JSON.stringify(kubeletConfig(layout)));
  await writeFile(paths.proxy, JSON.stringify(proxyConfig(layout)));
  return paths;
}

function containerdConfig({ config, state, containerdSocket }: Layout): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${state}/containerd"
state = "/run/tickcast/containerd"

[grpc]
  address = "${containerdSocket}"

[${cri}]
  sandbox_image = "${PAUSE_IMAGE}"
  # A lower score than the parent's needs CAP_SYS_RESOURCE, which root does not have everywhere.
  restrict_oom_score_adj = true

[${cri}.cni]
  bin_dir = "${CNI_PLUGINS}"
  conf_dir = "${config}"

[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[${cri}.containerd.runtimes.runc.options]
  Root = "/run/tickcast/runc"
`;
}

function podNetwork({ state }: Layout): object {
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods0',
        isDefaultGateway: true,
        hairpinMode: true,
        ipMasq: true,
        ipam: { type: 'host-local', dataDir: join(state, 'addresses'), ranges: [[{ subnet: NETWORK.pods }]] },
      },
    ],
  };
}

function kubeletConfig({ certificates, config, state, containerdSocket }: Layout): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(certificates, 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: join(certificates, 'node.crt'),
    tlsPrivateKeyFile: join(certificates, 'node.key'),
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${CGROUP}`,
    failCgroupV1: false,
    failSwapOn: false,
    clusterDNS: [NETWORK.dnsService],
    clusterDomain: 'cluster.local',
    resolvConf: join(config, 'resolv.conf'),
    podLogsDir: join(state, 'pod-logs'),
    volumePluginDir: join(state, 'volume-plugins'),
    // The disk is somebody's, and may well be full to nine tenths.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    // Images were put there by hand, and could not be fetched again.
    imageGCHighThresholdPercent: 100,
  };
}

function proxyConfig({ certificates }: Layout): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: join(certificates, 'proxy.kubeconfig') },
    mode: 'iptables',
    clusterCIDR: NETWORK.pods,
    hostnameOverride: NODE_NAME,
    // The limits of connection tracking are the whole machine's, and stay as they are.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}
