import { expect, test } from '@jest/globals';
import { type ClientOptions, settingsOf } from './options.ts';

const URL = 'ws://localhost:8001/api/v1/websocket';

test('what is left out is as CLIENTS.md says', () => {
  const { maxAttempts, pingIntervalMs, backoff, healthyAfterMs, lang } = settingsOf(URL, { token: 'a.b.c' });
  expect({ maxAttempts, pingIntervalMs, backoff, healthyAfterMs, lang }).toEqual({
    maxAttempts: 5,
    pingIntervalMs: 10_000,
    backoff: { firstMs: 500, maxMs: 20_000 },
    healthyAfterMs: 30_000,
    lang: 'en',
  });
});

test('one end of the backoff may be given without the other', () => {
  expect(settingsOf(URL, { token: 't', backoff: { maxMs: 1000 } }).backoff).toEqual({ firstMs: 500, maxMs: 1000 });
});

test('attempts may go on for ever', () => {
  expect(settingsOf(URL, { token: 't', maxAttempts: Infinity }).maxAttempts).toBe(Infinity);
});

test.each<[string, string, ClientOptions]>([
  ['Invalid URL', 'localhost', { token: 't' }],
  ['url must be', 'http://localhost:8001/', { token: 't' }],
  ['token must be', URL, { token: '' }],
  ['maxAttempts must be', URL, { token: 't', maxAttempts: -1 }],
  ['maxAttempts must be', URL, { token: 't', maxAttempts: NaN }],
  ['pingIntervalMs must be', URL, { token: 't', pingIntervalMs: -10 }],
  ['maxMs must be', URL, { token: 't', backoff: { maxMs: -1 } }],
])('a bad option is refused: %s', (problem, url, options) => {
  expect(() => settingsOf(url, options)).toThrow(problem);
});

test('a log that throws breaks nothing', () => {
  const log = () => {
    throw new Error('disk full');
  };
  expect(() => settingsOf(URL, { token: 't', log }).log('a line')).not.toThrow();
});
