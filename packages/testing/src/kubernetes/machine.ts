import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import { guardPath } from '../guardian.ts';
import { cleanEnvironment, startProcess, type ManagedProcess } from '../processes.ts';
import { runCommand } from '../command.ts';
import { CGROUP, NETWORK, NODE_NAME, type Layout } from './layout.ts';

const CGROUPS = '/sys/fs/cgroup';

/**
 * What stands for a machine: namespaces for processes, mounts, network and host name. When the first process in there ends, the
 * kernel ends all others and takes mounts, network devices and iptables rules away: nothing of a cluster outlives this process.
 */
export interface Machine {
  /** Starts a program in there; what it prints goes to `log/NAME`. */
  start(name: string, command: string, args: readonly string[]): Promise<ManagedProcess>;
  /** Runs a program in there to its end, and resolves with its output. */
  run(command: string, args: readonly string[], withinMs?: number): Promise<string>;
  stop(): Promise<void>;
}

// Reaps the orphans that the kernel gives to process 1: a shim of containerd leaves some.
const FIRST_PROCESS = 'while :; do sleep 3600 & wait $!; done';

// Programs here keep sockets, locks and links to logs under fixed paths: they find those empty, and the real ones stay as they are.
const EMPTY_FOLDERS = ['/run', '/var/log'];

export async function startMachine(layout: Layout): Promise<Machine> {
  await removeCgroups();
  await Promise.all([layout.logs, layout.state, layout.config].map((path) => mkdir(path, { recursive: true })));
  guardPath(layout.root);
  const flags = ['--mount', '--net', '--pid', '--uts', '--ipc', '--fork', '--kill-child=SIGKILL', '--mount-proc'];
  const outer = await startProcess('unshare', [...flags, '/bin/sh', '-c', FIRST_PROCESS], { env: cleanEnvironment() });
  const inner = await eventually(() => onlyChildOf(outer.pid));
  const into = ['--target', String(inner), '--mount', '--net', '--pid', '--uts', '--ipc', '--'];

  const run = (command: string, args: readonly string[], withinMs?: number): Promise<string> =>
    runCommand('nsenter', [...into, command, ...args], withinMs === undefined ? {} : { withinMs });

  const stop = async (): Promise<void> => {
    await outer.kill();
    await eventually(removeCgroups, { withinMs: 20_000 });
    await eventually(() => rm(layout.root, { recursive: true, force: true }), { withinMs: 20_000 });
  };

  try {
    await connect(inner, run);
    for (const folder of EMPTY_FOLDERS) await run('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
    await coverLibraries(layout, run);
    // The kubelet's volumes are mounted here and must be seen in the containers' own namespaces.
    await run('mount', ['--make-rshared', '/']);
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    run,
    stop,
    start: (name, command, args) =>
      startProcess(
        'nsenter',
        [
          ...into,
          '/bin/sh',
          '-c',
          'log=$1; shift; exec "$@" >"$log" 2>&1',
          'sh',
          join(layout.logs, name),
          command,
          ...args,
        ],
        { env: cleanEnvironment() },
      ),
  };
}

/** A cable to this machine, and a host name. */
async function connect(inner: number, run: Machine['run']): Promise<void> {
  const { cable, cablePrefix, hostAddress, nodeAddress } = NETWORK;
  const here = (...args: string[]): Promise<string> => runCommand('ip', args);
  const there = (...args: string[]): Promise<string> => run('ip', args);
  await here('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(inner));
  await here('address', 'add', `${hostAddress}/${cablePrefix}`, 'dev', cable);
  await here('link', 'set', cable, 'up');
  await run('hostname', [NODE_NAME]);
  await there('link', 'set', 'lo', 'up');
  await there('address', 'add', `${nodeAddress}/${cablePrefix}`, 'dev', 'eth0');
  await there('link', 'set', 'eth0', 'up');
  await there('route', 'add', 'default', 'via', hostAddress);
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
}

/** What is written to /var/lib (CNI's results, the kubelet's sockets) goes to this run's own folder. */
async function coverLibraries({ state }: Layout, run: Machine['run']): Promise<void> {
  const [upper, work] = [join(state, 'var-lib'), join(state, 'var-lib.work')];
  await Promise.all([upper, work].map((path) => mkdir(path, { recursive: true })));
  await run('mount', [
    '-t',
    'overlay',
    'overlay',
    '-o',
    `lowerdir=/var/lib,upperdir=${upper},workdir=${work}`,
    '/var/lib',
  ]);
}

async function onlyChildOf(pid: number): Promise<number> {
  const children = await runCommand('pgrep', ['-P', String(pid)]);
  return Number(children);
}

/** Also those that a run which was killed has left. They are empty as soon as its processes have gone. */
async function removeCgroups(): Promise<void> {
  for (const hierarchy of await readdir(CGROUPS)) await removeTree(join(CGROUPS, hierarchy, CGROUP));
}

async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return;
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  await rmdir(folder);
}
