/** What TypeScript says of the public face. The types are checked by `npm run check`; here only what has to exist. */
import { afterAll, expect, test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import {
  type Alerts,
  type AgentStatus,
  type BacktestProgress,
  type ClientOptions,
  type LostEvents,
  type MarketData,
  QuantWebSocket,
  type State,
  type Subscription,
  Tickcast,
  TickcastError,
  type TokenExpiring,
} from '../src/mod.ts';

const client = new Tickcast('ws://localhost/', { token: () => Promise.resolve('a.b.c') });

afterAll(() => client.close());

test('each channel has its own events', () => {
  expectTypeOf(client.marketData).returns.toEqualTypeOf<Subscription<MarketData>>();
  expectTypeOf(client.agentStatus).returns.toEqualTypeOf<Subscription<AgentStatus>>();
  expectTypeOf(client.backtestProgress).returns.toEqualTypeOf<Subscription<BacktestProgress>>();
  expectTypeOf(client.alerts).returns.toEqualTypeOf<Subscription<Alerts>>();
  type Quote = Subscription<MarketData> extends AsyncIterable<infer Event> ? Event : never;
  expectTypeOf<Quote['data']['price']>().toEqualTypeOf<number>();
  expectTypeOf<Quote['data']['open']>().toEqualTypeOf<number | undefined>();
  expectTypeOf<Quote['seq']>().toEqualTypeOf<number | undefined>();
  expectTypeOf<Quote['epoch']>().toEqualTypeOf<string | null>();
  expectTypeOf<Quote['raw']>().toEqualTypeOf<string>();
  expect(client.streams()).toEqual([]);
});

test('callbacks know what they get', () => {
  client.on('state', (change) => expectTypeOf(change.state).toEqualTypeOf<State>());
  client.on('gap', (gap) => expectTypeOf(gap).toEqualTypeOf<LostEvents>());
  client.on('error', (error) => expectTypeOf(error).toEqualTypeOf<TickcastError>());
  client.on('notice', (frame) => {
    if (frame.type === 'token_expiring') expectTypeOf(frame).toEqualTypeOf<TokenExpiring>();
  });
  // @ts-expect-error There is no such event.
  client.on('message', () => undefined);
  const ws = new QuantWebSocket('ws://localhost/', 'a.b.c');
  ws.on('market_data', (data) => expectTypeOf(data).toEqualTypeOf<MarketData['data']>());
  expect(client.state).toBe('closed');
});

test('options that can’t be right are refused by the compiler too', () => {
  expectTypeOf<ClientOptions['token']>().toEqualTypeOf<string | (() => string | Promise<string>)>();
  // @ts-expect-error Without a token there is no connection.
  expect(() => new Tickcast('ws://localhost/', {})).toThrow(TypeError);
  // @ts-expect-error Quotes are of named symbols only.
  expect(() => client.marketData().close()).not.toThrow();
  expectTypeOf(client.marketData)
    .parameter(1)
    .toEqualTypeOf<
      { signal?: AbortSignal; overflow?: 'latest' | { buffer: number } | { error: number } } | undefined
    >();
  expectTypeOf(new TickcastError('gave_up', '').code).toExtend<string>();
  // @ts-expect-error Nor is there such a code.
  expect(new TickcastError('gave-up', '').name).toBe('TickcastError');
});
