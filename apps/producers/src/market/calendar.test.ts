import { expect, test } from '@jest/globals';
import { type Hours, hongKongDate, isDate, isOpen, sessionEnd, sessionOf } from './calendar.ts';

const at = (time: string): number => Date.parse(`${time}+08:00`) / 1000;
const MONDAY = '2024-11-18';

test.each<[string, Record<Hours, boolean>]>([
  ['09:29:59.999', { always: true, hkex: false, 'hkex-no-lunch': false }],
  ['09:30:00', { always: true, hkex: true, 'hkex-no-lunch': true }],
  ['11:59:59.999', { always: true, hkex: true, 'hkex-no-lunch': true }],
  ['12:00:00', { always: true, hkex: false, 'hkex-no-lunch': true }],
  ['12:59:59.999', { always: true, hkex: false, 'hkex-no-lunch': true }],
  ['13:00:00', { always: true, hkex: true, 'hkex-no-lunch': true }],
  ['15:59:59.999', { always: true, hkex: true, 'hkex-no-lunch': true }],
  ['16:00:00', { always: true, hkex: false, 'hkex-no-lunch': false }],
  ['00:00:00', { always: true, hkex: false, 'hkex-no-lunch': false }],
])('on a Monday at %s', (time, expected) => {
  for (const [hours, open] of Object.entries(expected)) {
    expect({ hours, open: isOpen(hours as Hours, at(`${MONDAY}T${time}`)) }).toEqual({ hours, open });
  }
});

test('the exchange is closed on Saturdays and Sundays, and open on the five days between', () => {
  const days = ['18', '19', '20', '21', '22', '23', '24'].map((day) => isOpen('hkex', at(`2024-11-${day}T10:00:00`)));
  expect(days).toEqual([true, true, true, true, true, false, false]);
});

test('the weekday is that of Hong Kong, where Monday begins on Sunday in UTC', () => {
  // 09:30 is 01:30 UTC of the same day; a zone further west would still have the day before.
  expect(isOpen('hkex', Date.parse('2024-11-18T01:30:00Z') / 1000)).toBe(true);
  expect(isOpen('hkex', Date.parse('2024-11-17T20:00:00-05:30') / 1000)).toBe(true);
  expect(isOpen('hkex', Date.parse('2024-11-23T01:30:00Z') / 1000)).toBe(false);
});

test('on a holiday it is closed all day, and the day after it is open', () => {
  const holidays = new Set(['2024-12-25']);
  expect(isOpen('hkex', at('2024-12-25T10:00:00'), holidays)).toBe(false);
  expect(isOpen('hkex-no-lunch', at('2024-12-25T12:30:00'), holidays)).toBe(false);
  expect(isOpen('always', at('2024-12-25T10:00:00'), holidays)).toBe(true);
  expect(isOpen('hkex', at('2024-12-24T10:00:00'), holidays)).toBe(true);
});

test('the hours are the same in summer and winter: Hong Kong keeps its time', () => {
  for (const day of ['2024-01-15', '2024-07-15']) {
    expect(isOpen('hkex', Date.parse(`${day}T01:30:00Z`) / 1000)).toBe(true);
    expect(isOpen('hkex', Date.parse(`${day}T01:29:59Z`) / 1000)).toBe(false);
  }
});

test('a session is a day of Hong Kong: it changes at its midnight', () => {
  const midnight = at('2024-11-19T00:00:00');
  expect(sessionOf(midnight - 0.001)).toBe(sessionOf(at('2024-11-18T00:00:00')));
  expect(sessionOf(midnight)).toBe(sessionOf(midnight - 0.001) + 1);
  expect(hongKongDate(midnight - 0.001)).toBe('2024-11-18');
  expect(hongKongDate(midnight)).toBe('2024-11-19');
});

test('a date ends with the session at 16:00, and only days that exist are dates', () => {
  expect(sessionEnd('2021-01-04')).toBe(at('2021-01-04T16:00:00'));
  expect(hongKongDate(sessionEnd('2021-01-04'))).toBe('2021-01-04');
  expect(['2024-02-29', '2021-01-04'].every(isDate)).toBe(true);
  expect(['2023-02-29', '2021-13-01', '2021-1-4', '20210104', '2021-01-04T00:00', ''].some(isDate)).toBe(false);
});
