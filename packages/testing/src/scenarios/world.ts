import { eventually } from '../eventually.ts';
import { type TestClient, connectClient } from '../client.ts';
import { mintToken } from '../tokens.ts';
import { type Account, type Subscription, account, covers } from './accounts.ts';
import type { ScenarioCluster } from './clusters.ts';
import type { Door } from './door.ts';
import type { Driver } from './driver.ts';
import { type Publishing, streamOf } from './publishing.ts';
import { type Scenario, type SubscribeStep, type TokenSpec, fits } from './scenario.ts';

/** Waits are short; the ping interval is not, so that nobody takes a busy machine for dead. */
const CLIENT_OPTIONS = { ping_interval_ms: 5000, backoff_first_ms: 20, backoff_max_ms: 200 };
const OTHER_SECRET = 'another-secret-that-no-node-knows-0123456789';

/** A scenario on its way: everything there is, and what was seen of it. */
export class World {
  readonly scenario: Scenario;
  readonly cluster: ScenarioCluster;
  readonly door: Door;
  readonly driver: Driver;
  readonly publishing: Publishing;
  readonly subscriptions: Subscription[] = [];
  /** All that were minted. */
  readonly tokens: string[] = [];
  /** Others who are connected. */
  readonly guests: TestClient[] = [];
  /** When the step before the one that is being done began, by `performance.now()`. */
  stepBefore = 0;
  /** Where waits look from: what was there when the steps that they wait for began. */
  #mark = { reports: 0, sent: 0, attempts: 0 };
  readonly #matched = new Set<object>();

  constructor(
    scenario: Scenario,
    parts: { cluster: ScenarioCluster; door: Door; driver: Driver; publishing: Publishing },
  ) {
    this.scenario = scenario;
    this.cluster = parts.cluster;
    this.door = parts.door;
    this.driver = parts.driver;
    this.publishing = parts.publishing;
  }

  /** What waits look for comes from now on. */
  mark(): void {
    const [reports, sent] = [this.driver.reports.length, this.door.sent.length];
    this.#mark = { reports, sent, attempts: this.door.attempts.length };
  }

  node(number: number) {
    const node = this.cluster.nodes[number - 1];
    if (!node) throw new Error(`the cluster has no node ${number}`);
    return node;
  }

  async #mint({ ttl_seconds: ttlSeconds = 3600, channels, forged }: TokenSpec = {}): Promise<string> {
    const token = await mintToken({ ttlSeconds, channels, ...(forged ? { secret: OTHER_SECRET } : {}) });
    this.tokens.push(token);
    return token;
  }

  async connect(): Promise<void> {
    const { token, tokens, client = {} } = this.scenario;
    const credentials = tokens
      ? { tokens: await Promise.all(tokens.map((each) => this.#mint(each))) }
      : { token: await this.#mint(token) };
    this.driver.tell({ do: 'connect', url: this.door.url, ...credentials, options: { ...CLIENT_OPTIONS, ...client } });
  }

  subscribe(step: SubscribeStep): void {
    const { name, channel, keys = null, since_last_of: earlier, ...rest } = step;
    const since = earlier === undefined ? null : this.#lastOf(earlier);
    const counts = this.publishing.streams.map((stream) => [stream, this.publishing.published(stream).length] as const);
    const before = new Map(counts);
    if (since) {
      const stream = streamOf(channel, keys?.[0]);
      before.set(stream, this.publishing.published(stream).findIndex(({ n }) => n === since.n) + 1);
    }
    const named = channel === 'alerts' ? [null] : keys;
    const [from, isOver] = [this.driver.reports.length, false];
    this.subscriptions.push({ name, channel, keys: named as string[] | null, from, before, isOver });
    this.driver.tell({ ...rest, name, channel, keys, ...(since ? { since: since.position } : {}) });
  }

  /** Who comes to the cluster past the door, with the seat of the client where one is given. */
  async invite(seat?: string): Promise<void> {
    const node = this.cluster.nodes[0];
    if (!node) throw new Error('the cluster has no node');
    const guest = await connectClient(node.url, {
      token: await this.#mint(),
      query: seat === undefined ? {} : { seat },
    });
    this.guests.push(guest);
    const welcome = await guest.request({ type: 'hello' });
    if (seat !== undefined && welcome['seat'] !== seat)
      throw new Error(`the seat was not handed over: ${welcome.type}`);
  }

  /** Seats the client was welcomed with, in order. */
  get seats(): string[] {
    return this.door.sent.flatMap(({ what }) => (what['type'] === 'welcome' ? [String(what['seat'])] : []));
  }

  /** Each that subscriptions have, by name of subscription and stream. */
  accounts(): (Account & { what: string; isOver: boolean })[] {
    const { reports } = this.driver;
    const ended = new Set(reports.flatMap(({ report, name }) => (report === 'ended' ? [name] : [])));
    return this.subscriptions.flatMap((subscription) =>
      this.publishing.streams
        .filter((stream) => covers(subscription, stream))
        .map((stream) => ({
          ...account(subscription, stream, this.publishing.published(stream), this.publishing.raw(stream), reports),
          what: `${subscription.name} of ${stream}`,
          isOver: subscription.isOver || ended.has(subscription.name),
        })),
    );
  }

  async settle(withinMs: number): Promise<void> {
    await eventually(
      () => {
        const lacking = this.accounts().filter(({ missing, isOver }) => missing > 0 && !isOver);
        if (lacking.length === 0) return;
        throw new Error(lacking.map(({ what, missing }) => `${what} still lacks ${missing}`).join(', '));
      },
      { withinMs },
    );
  }

  /** Waits for something that was not there at the mark, and that no other wait had. */
  async wait(kind: 'report' | 'sent', wanted: Record<string, unknown>, withinMs: number): Promise<void> {
    await eventually(
      () => {
        const found =
          kind === 'report'
            ? this.driver.reports.slice(this.#mark.reports).find((each) => this.#isNew(each, each, wanted))
            : this.door.sent.slice(this.#mark.sent).find((each) => this.#isNew(each, each.what, wanted));
        if (!found) throw new Error(`no ${kind} like ${JSON.stringify(wanted)}`);
        this.#matched.add(found);
      },
      { withinMs },
    );
  }

  /** @returns when the next connection came to the door, by `performance.now()` */
  async waitForAttempt(withinMs: number): Promise<number> {
    return eventually(
      () => {
        const at = this.door.attempts[this.#mark.attempts];
        if (at === undefined) throw new Error('nobody came to the door');
        this.#mark.attempts++;
        return at;
      },
      { withinMs },
    );
  }

  #isNew(item: object, content: object, wanted: Record<string, unknown>): boolean {
    return !this.#matched.has(item) && fits(content, wanted);
  }

  #lastOf(name: string): { position: object; n: number } {
    const last = this.driver.reports.findLast((each) => each.report === 'event' && each['name'] === name);
    if (!last) throw new Error(`${name} got no event to go on from`);
    const { epoch, seq, data } = last['frame'] as { epoch: string; seq: number; data: { n: number } };
    return { position: { epoch, seq }, n: data.n };
  }
}
