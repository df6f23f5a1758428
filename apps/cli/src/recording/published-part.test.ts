import { expect, test } from '@jest/globals';
import { membersOf } from './json-members.ts';
import { publishedPart } from './published-part.ts';

const DATA =
  '{"timestamp":1701234567.891234,"price":352.0,"note":"a \\"quoted\\", {brace} and \\\\","tags":["x",{"seq":1}]}';

test("the server's fields are taken from the front, and the publisher's bytes stay as they are", () => {
  const published = ` "type" : "market_data","symbol":"0700.HK","data":${DATA}, "more":1e5 }`;
  const head = '{"seq":43,"published_at":1701234567.912345,"snapshot":true,"recovered":true,"conflated":2,"lost":null,';
  expect(publishedPart(head + published)).toBe(`{${published}`);
  expect(publishedPart(`{${published}`)).toBe(`{${published}`);
});

test("a field of the publisher that is named like the server's, below the top, stays", () => {
  const frame = '{"seq":1,"type":"alerts","data":{"seq":7,"lost":null}}';
  expect(publishedPart(frame)).toBe('{"type":"alerts","data":{"seq":7,"lost":null}}');
});

test('members are found whatever stands in texts, and their values are cut out as they were written', () => {
  const json = `{ "a:\\"b" : 352.0 ,"c":"}{,:","d":${DATA},"e":[],"f":{} }`;
  const found = membersOf(json).map(({ name, from, to }) => [name, json.slice(from, to).trim()]);
  expect(found).toEqual([
    ['a:"b', '352.0'],
    ['c', '"}{,:"'],
    ['d', DATA],
    ['e', '[]'],
    ['f', '{}'],
  ]);
  expect(membersOf('{}')).toEqual([]);
});
