import {
  type ErrorCode,
  type Reason,
  type SubscribeMany,
  type SubscribeOne,
  errorDetail,
  reasonDetail,
} from '@tickcast/protocol';
import { BACKPLANE_RETRY_MS, withId } from './answers.ts';
import type { Connection } from './connection.ts';
import type { Outcome, Subscription } from './subscriptions.ts';
import { streamTopic } from './topics.ts';

interface Problem {
  code: ErrorCode;
  reason?: Reason;
  params: Record<string, string | number>;
}

/** `subscribe` to one stream, or without a key to all that the claim allows. */
export function subscribe(connection: Connection, message: SubscribeOne, maxSubscriptions: number): void {
  const { id, channel, key, since } = message;
  const { subscriptions } = connection;
  const problem = problemWith(connection, channel, key, subscriptions.size, maxSubscriptions);
  if (problem) {
    connection.error(problem.code, { ...withId(id), params: problem.params });
    return;
  }
  const answer = ([outcome]: Outcome[]) => {
    if (!outcome) return;
    const { subscription, state, recovery } = outcome;
    if (state === 'unavailable') {
      connection.error('backplane_unavailable', { ...withId(id), retryAfterMs: BACKPLANE_RETRY_MS });
      return;
    }
    if (isRevoked(connection, outcome)) {
      const { code, params } = forbidden(message);
      connection.error(code, { ...withId(id), params });
      return;
    }
    if (id !== undefined) {
      const recovered = recovery?.recovered ?? false;
      const { size: count } = subscriptions;
      connection.reply({ type: 'subscribed', id, channel, ...position(subscription), recovered, count });
    }
    if (state !== 'live') return;
    recovery?.start();
    if (!recovery?.isAhead) subscriptions.sendSnapshots(subscription);
  };
  subscriptions.add(channel, [key], answer, since);
}

/** `subscribe` with `symbols`: each succeeds or fails by itself, one reply tells of all. */
export function subscribeMany(connection: Connection, message: SubscribeMany, maxSubscriptions: number): void {
  const { id, channel, keys } = message;
  const { subscriptions } = connection;
  const accepted = new Set<string>();
  const problems = new Map<string, Problem>();
  let size = subscriptions.size;
  for (const { raw, key } of keys) {
    const problem = key === null ? INVALID_SYMBOL : problemWith(connection, channel, key, size, maxSubscriptions);
    if (key !== null && accepted.has(key)) continue;
    if (problem) problems.set(raw, problem);
    else if (key !== null) {
      accepted.add(key);
      if (!subscriptions.has(channel, key)) size += 1;
    }
  }
  const settle = (outcomes: readonly Outcome[]) => {
    const outcomeOf = new Map(outcomes.map((outcome) => [outcome.subscription.key, outcome]));
    for (const outcome of outcomes) {
      const { state, subscription } = outcome;
      if (state === 'unavailable') problems.set(subscription.key ?? '', BACKPLANE_AWAY);
      else if (isRevoked(connection, outcome)) problems.set(subscription.key ?? '', forbidden(subscription));
    }
    if (id === undefined) {
      // Without an `id` there is no reply that could carry them.
      for (const { code, ...more } of problems.values()) connection.error(code, more);
    } else {
      const results = keys.map(({ raw, key }) => {
        const problem = problems.get(raw) ?? problems.get(key ?? '');
        const outcome = outcomeOf.get(key);
        if (problem || !outcome) return errorResult(raw, problem ?? INVALID_SYMBOL, connection);
        const { epoch, seq } = position(outcome.subscription);
        return { symbol: raw, channel, key, epoch, seq, recovered: false, count: subscriptions.size };
      });
      connection.reply({ type: 'subscribed', id, channel, results, count: subscriptions.size });
    }
    for (const { subscription, state } of outcomes) {
      if (state === 'live') subscriptions.sendSnapshots(subscription);
    }
  };
  if (accepted.size > 0) subscriptions.add(channel, [...accepted], settle);
  else settle([]);
}

const INVALID_SYMBOL: Problem = { code: 'invalid_parameters', reason: 'symbol_invalid', params: {} };
const BACKPLANE_AWAY: Problem = { code: 'backplane_unavailable', params: {} };

function errorResult(symbol: string, { code, reason, params }: Problem, { lang }: Connection): object {
  const detail = reason ? reasonDetail(reason, lang, params) : errorDetail(code, lang, params);
  return { symbol, type: 'error', error: code, detail };
}

function forbidden({ channel, key }: Pick<Subscription, 'channel' | 'key'>): Problem {
  return { code: 'forbidden', params: { stream: streamTopic(channel, key) } };
}

/** Whether a new token, which does not cover the subscription, came while it was being opened. */
function isRevoked({ identity }: Connection, { state, subscription: { channel, key } }: Outcome): boolean {
  return state === 'gone' && !identity?.claim.allows(channel, key);
}

/** Why a subscription is refused, or null. */
function problemWith(
  { identity, subscriptions }: Connection,
  channel: SubscribeOne['channel'],
  key: string | null,
  size: number,
  limit: number,
): Problem | null {
  if (!identity?.claim.allows(channel, key)) return forbidden({ channel, key });
  if (!subscriptions.has(channel, key) && size >= limit) {
    return { code: 'subscription_limit_exceeded', params: { limit } };
  }
  return null;
}

/** Where a subscription stands: the last event its client has seen, or sees as the snapshot. */
function position({ channel, key, feed }: Subscription): {
  key: string | null;
  epoch: string | null;
  seq: number | null;
} {
  if (key === null && channel !== 'alerts') return { key, epoch: null, seq: null };
  const { epoch = null, seq = 0 } = feed.streams.get(key ?? '')?.deliveredTo ?? {};
  return { key, epoch, seq };
}
