import { copyFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readBars } from './request.ts';

const SAMPLE = new URL('../../samples/daily-bars.csv', import.meta.url);

let directory: string;

const read = (data: string, folder = directory) =>
  readBars(folder, {
    strategy: 'buy_and_hold',
    symbol: '0700.HK',
    from: '2021-01-04',
    to: '2021-01-05',
    params: {},
    data,
  });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tickcast-data-'));
});

afterAll(() => rm(directory, { recursive: true }));

test('the bars of the days asked for are read', async () => {
  await copyFile(SAMPLE, join(directory, 'bars.csv'));
  expect(await read('bars.csv')).toMatchObject([{ date: '2021-01-04' }, { date: '2021-01-05' }]);
});

test('a file that is not there refuses the backtest', async () => {
  await expect(read('nothing.csv')).rejects.toMatchObject({ code: 'backtest_refused' });
  await writeFile(join(directory, 'no-folder'), '');
  await expect(read('bars.csv', join(directory, 'no-folder'))).rejects.toMatchObject({ code: 'backtest_refused' });
});

test('a file that can not be reached now does not: it may be tried again', async () => {
  await symlink('loop.csv', join(directory, 'loop.csv'));
  await expect(read('loop.csv')).rejects.toMatchObject({ code: 'ELOOP' });
});
