import { mintToken, startRedis } from '@tickcast/testing';
import type { GeneratorCalls, Mark } from '../load-generator.ts';
import type { PublisherCalls } from '../publisher.ts';
import type { ServerKind } from '../types.ts';
import { type Audience, type Tally, tally } from './audience.ts';
import { askBySignal } from './ask-by-signal.ts';
import { Child } from './calls.ts';
import { unixOffset } from './clock.ts';
import { pin, pinProfilerOf } from './pinning.ts';
import { PUBLISHED_BY, type RunningServer, startServer } from './servers.ts';

export interface SceneOptions {
  server: ServerKind;
  /** How many of it over one Redis; 1 when absent. */
  count?: number;
  /** Of our edges, `TICKCAST_*`, and `NODE_OPTIONS`. */
  env?: NodeJS.ProcessEnv;
  /** File for a CPU profile of the first server while it is measured; null or absent for none. */
  profileTo?: string | null;
}

type Redis = Awaited<ReturnType<typeof startRedis>>;

/** CPU seconds of the window between two marks. */
export interface Spent {
  seconds: number;
  servers: number;
  redis: number;
  generator: number;
  publisher: number;
}

/** What was measured from one moment to another. */
export interface Window<T> {
  /** What was done meanwhile gave this. */
  value: T;
  spent: Spent;
  /** Events that clients got. */
  delivered: number;
  /** With the heads of their frames. */
  bytes: number;
  /** Monotonic seconds. */
  lastEventAt: number;
  /** NaN where no events came. */
  p50Ms: number;
  p99Ms: number;
}

/** All that one run needs: a fresh Redis, the servers under test, the generator with the clients, the publisher. */
export class Scene {
  readonly #kind: ServerKind;
  readonly #isProfiled: boolean;
  readonly #offset = unixOffset();
  #opened = 0;
  readonly redis: Redis;
  readonly servers: readonly RunningServer[];
  readonly generator: Child<GeneratorCalls>;
  readonly publisher: Child<PublisherCalls>;

  private constructor(
    { server, profileTo }: SceneOptions,
    parts: Pick<Scene, 'redis' | 'servers' | 'generator' | 'publisher'>,
  ) {
    this.#kind = server;
    this.#isProfiled = typeof profileTo === 'string';
    this.redis = parts.redis;
    this.servers = parts.servers;
    this.generator = parts.generator;
    this.publisher = parts.publisher;
  }

  /** Sets everything up for `use`, and ends it afterwards, however `use` ends. */
  static async with<T>(options: SceneOptions, use: (scene: Scene) => Promise<T>): Promise<T> {
    const { server, count = 1, env = {}, profileTo } = options;
    const profiler = typeof profileTo === 'string' ? { NODE_OPTIONS: profilingInto(profileTo) } : {};
    const ends: Array<() => Promise<unknown>> = [];
    try {
      const redis = await startRedis();
      ends.push(() => redis.kill());
      pin(redis.pid, 'others');
      const servers: RunningServer[] = [];
      for (let n = 0; n < count; n += 1) {
        const running = await startServer(server, { redisUrl: redis.url, env: { ...env, ...profiler } });
        ends.push(() => running.kill());
        servers.push(running);
      }
      const generator = await Child.start<GeneratorCalls>('load-generator');
      ends.push(() => generator.kill());
      const publisher = await Child.start<PublisherCalls>('publisher');
      ends.push(() => publisher.kill());
      for (const { pid } of [generator, publisher]) pin(pid, 'others');
      return await use(new Scene(options, { redis, servers, generator, publisher }));
    } finally {
      await Promise.all(ends.map((end) => end()));
    }
  }

  /** Tokens for so many more clients, minted beforehand: that is not the server's work. */
  tokens(count: number): Promise<string[]> {
    return Promise.all(Array.from({ length: count }, (_, i) => mintToken({ sub: `load-${this.#opened + i}` })));
  }

  /** Opens the next clients of the audience, all at once; resolves when all of them have what they subscribed to. */
  async open({ topicsOf, sampleEvery }: Audience, tokens: readonly string[]): Promise<void> {
    const first = this.#opened;
    this.#opened += tokens.length;
    await this.generator.call('open', {
      server: this.#kind,
      ports: this.servers.map(({ port }) => port),
      tokens,
      topics: tokens.map((_, i) => topicsOf(first + i)),
      sampleEvery,
      unixOffset: this.#offset,
    });
  }

  /** @param total how many events; Infinity until stopped */
  async publish(topics: readonly string[], perSecond: number, total = Infinity): Promise<void> {
    const kind = PUBLISHED_BY[this.#kind];
    const plan = { redisUrl: this.redis.url, kind, topics, perSecond, total, unixOffset: this.#offset };
    await this.publisher.call('start', plan);
  }

  /** Measures for as long as `use` takes. */
  async measure<T>(use: () => Promise<T>): Promise<Window<T>> {
    const [profiled] = this.#isProfiled ? this.servers : [];
    if (profiled) {
      await askBySignal(profiled, '{"profiling":true}');
      pinProfilerOf(profiled.pid);
    }
    const before = await this.#mark();
    const value = await use();
    const after = await this.#mark();
    if (profiled) await askBySignal(profiled, '{"profiled":true}');
    const { lastEventAt, p50Ms, p99Ms } = after;
    const delivered = after.events - before.events;
    const bytes = after.bytes - before.bytes;
    return { value, spent: spentBetween(before, after), delivered, bytes, lastEventAt, p50Ms, p99Ms };
  }

  #mark(): Promise<Mark> {
    const others = [this.redis, this.generator, this.publisher];
    return this.generator.call(
      'mark',
      [...others, ...this.servers].map(({ pid }) => pid),
    );
  }

  async tally(audience: Audience, published: number): Promise<Tally> {
    return tally(audience, published, await this.generator.call('counts'));
  }
}

/** `NODE_OPTIONS` of a server whose CPU is to be profiled. */
function profilingInto(file: string): string {
  return `--import ${new URL(`./profile-cpu.js?to=${encodeURIComponent(file)}`, import.meta.url)}`;
}

function spentBetween(before: Mark, after: Mark): Spent {
  const spent = after.cpuSeconds.map((cpu, i) => cpu - (before.cpuSeconds[i] ?? 0));
  const [redis = 0, generator = 0, publisher = 0, ...servers] = spent;
  const seconds = after.at - before.at;
  return { seconds, redis, generator, publisher, servers: servers.reduce((sum, cpu) => sum + cpu, 0) };
}
