import { type EdgeProcess, startEdge } from '../edge-process.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../ports.ts';
import { type RedisServer, startRedis } from '../redis-server.ts';
import { mintToken } from '../tokens.ts';
import { startDnsServer } from './dns-server.ts';
import { type Fleet, describeNode } from './fleet.ts';
import { type HaproxyProcess, startHaproxy } from './haproxy.ts';

export interface ProcessFleetOptions {
  edges: number;
  /** 1000 when absent. */
  cap?: number;
  /** `TICKCAST_*` of the edges. */
  env?: NodeJS.ProcessEnv;
  /** Variables of the balancer's configuration. */
  balancerEnv?: NodeJS.ProcessEnv;
}

/** Edges as processes, each with an address of its own, behind a real HAProxy that finds them by DNS. */
export interface ProcessFleet extends Fleet {
  readonly redis: RedisServer;
  readonly balancer: HaproxyProcess;
  /** All edges listen on the same. */
  readonly ports: { readonly edgePort: number; readonly edgeAdminPort: number };
  edge(name: string): EdgeProcess;
  /** Changes what the balancer is told of the edges: this address too. Nothing need be there. */
  addAddress(address: string): void;
}

/** What the deployed configuration looks for. */
const SERVICE = 'edge';
const SERVING_WITHIN_MS = 15_000;

interface Member {
  address: string;
  edge: EdgeProcess;
}

/**
 * Starts Redis, a balancer and edges, and resolves when the balancer sends connections to all of them. Edges have addresses
 * of 127.0.0.0/8 and the same ports, as containers have, so it takes a Linux.
 */
export async function startProcessFleet(options: ProcessFleetOptions): Promise<ProcessFleet> {
  const { edges, cap = 1000, env, balancerEnv } = options;
  const [redis, dns] = await Promise.all([startRedis(), startDnsServer(SERVICE)]);
  const ports = { edgePort: await freePort(), edgeAdminPort: await freePort() };
  const balancer = await startHaproxy({ dnsPort: dns.port, ...ports, ...(balancerEnv ? { env: balancerEnv } : {}) });
  const members = new Map<string, Member>();
  const addresses = new Set<string>();
  let started = 0;

  const changeAddresses = (change: () => void) => {
    change();
    dns.setAddresses([...addresses]);
  };
  const memberOf = (name: string): Member => {
    const member = members.get(name);
    if (!member) throw new Error(`there is no edge ${name}, only ${[...members.keys()].join(', ')}`);
    return member;
  };
  const fleet: ProcessFleet = {
    url: balancer.url,
    redisUrl: redis.url,
    redisPrefix: 'tickcast:',
    cap,
    redis,
    balancer,
    ports,
    edge: (name) => memberOf(name).edge,
    addAddress: (address) => changeAddresses(() => addresses.add(address)),
    mintToken: (sub) => mintToken({ sub }),
    async nodes() {
      const running = [...members];
      return Promise.all(
        running.map(async ([name, { edge }]) => describeNode(name, (await edge.admin('/connz')).body)),
      );
    },
    async add() {
      const number = ++started;
      const name = `edge-${number}`;
      const address = addressOf(number);
      // Like a container's, the name is there before the program in it listens.
      changeAddresses(() => addresses.add(address));
      const edge = await startEdge({
        redisUrl: redis.url,
        env: {
          TICKCAST_LOG_LEVEL: 'warn',
          TICKCAST_NODE_ID: name,
          TICKCAST_MAX_CONNECTIONS: String(cap),
          TICKCAST_TRUSTED_PROXIES: '127.0.0.1',
          ...env,
          TICKCAST_HOST: address,
          TICKCAST_PORT: String(ports.edgePort),
          TICKCAST_ADMIN_PORT: String(ports.edgeAdminPort),
        },
      });
      members.set(name, { address, edge });
      await eventually(() => fleet.isServing(name), { withinMs: SERVING_WITHIN_MS });
      return name;
    },
    async drain(name) {
      const { address, edge } = memberOf(name);
      const startedAt = performance.now();
      const { code } = await edge.stop();
      members.delete(name);
      changeAddresses(() => addresses.delete(address));
      return { exitCode: code, tookMs: performance.now() - startedAt };
    },
    // Its name stays, as that of a machine does that has lost its power.
    async kill(name) {
      await memberOf(name).edge.kill();
      members.delete(name);
    },
    async isServing(name) {
      const address = `${addressOf(Number(name.slice('edge-'.length)))}:${ports.edgePort}`;
      return (await balancer.servers()).some((server) => server.address === address && server.isServing);
    },
    async stop() {
      await balancer.kill();
      await Promise.all([...members.values()].map(({ edge }) => edge.kill()));
      await redis.kill();
      dns.close();
    },
  };
  await Promise.all(Array.from({ length: edges }, () => fleet.add()));
  return fleet;
}

/** Those of two processes that run at a time differ, so that edges of parallel test files can't meet on a port. */
function addressOf(number: number): string {
  return `127.${(process.pid >> 8) & 0xff}.${process.pid & 0xff}.${number + 1}`;
}
