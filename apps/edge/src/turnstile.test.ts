import { expect, test } from '@jest/globals';
import { Turnstile } from './turnstile.ts';

/** Tasks that end when told to. */
function bench(turnstile: Turnstile) {
  const started: string[] = [];
  const ends = new Map<string, { resolve: (value: string) => void; reject: (reason: unknown) => void }>();
  return {
    started,
    run: (name: string) =>
      turnstile.run(() => {
        started.push(name);
        return new Promise<string>((resolve, reject) => ends.set(name, { resolve, reject }));
      }),
    finish: (name: string) => ends.get(name)?.resolve(name),
    fail: (name: string, reason: unknown) => ends.get(name)?.reject(reason),
  };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test('as many tasks as it is wide run at once, the others in order of arrival', async () => {
  const { run, finish, started } = bench(new Turnstile(2));
  const all = ['a', 'b', 'c', 'd'].map(run);
  await nextTurn();
  expect(started).toEqual(['a', 'b']);
  finish('b');
  await nextTurn();
  expect(started).toEqual(['a', 'b', 'c']);
  finish('a');
  await nextTurn();
  finish('c');
  finish('d');
  await expect(Promise.all(all)).resolves.toEqual(['a', 'b', 'c', 'd']);
});

test('once a task fails, those waiting fail with it and those inside go on', async () => {
  const { run, fail, finish, started } = bench(new Turnstile(2));
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(run);
  const away = new Error('away');
  fail('a', away);
  await expect(a).rejects.toBe(away);
  await expect(c).rejects.toBe(away);
  await expect(d).rejects.toBe(away);
  finish('b');
  await expect(b).resolves.toBe('b');
  expect(started).toEqual(['a', 'b']);
});

test('after a failure there is room again', async () => {
  const { run, fail, finish, started } = bench(new Turnstile(1));
  const failing = [run('a'), run('b')];
  fail('a', new Error('away'));
  await Promise.allSettled(failing);
  const all = [run('c'), run('d')];
  await nextTurn();
  expect(started).toEqual(['a', 'c']);
  finish('c');
  await nextTurn();
  finish('d');
  await expect(Promise.all(all)).resolves.toEqual(['c', 'd']);
});
