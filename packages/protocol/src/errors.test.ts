import { describe, expect, test } from '@jest/globals';
import { ERROR_CODES, ERRORS, errorDetail, errorFrame } from './errors.ts';
import { REASONS } from './reasons.ts';

describe('the error frames that v1 documents are the same byte for byte', () => {
  test.each([
    [
      errorFrame('invalid_message_format'),
      '{"type":"error","error":"invalid_message_format","detail":"消息必须是有效的JSON格式"}',
    ],
    [
      errorFrame('unsupported_message_type', { params: { type: 'unknown_type' } }),
      '{"type":"error","error":"unsupported_message_type","detail":"不支持的消息类型: unknown_type"}',
    ],
    [
      errorFrame('authentication_failed'),
      '{"type":"error","error":"authentication_failed","detail":"无效或过期的访问令牌"}',
    ],
  ])('%s', (frame, documented) => {
    expect(frame).toBe(documented);
  });
});

test('the optional fields follow in a fixed order', () => {
  expect(errorFrame('rate_limited', { dropped: 3, retryAfterMs: 10, id: 'a', detail: 'x', lang: 'en' })).toBe(
    '{"type":"error","error":"rate_limited","detail":"x","id":"a","retry_after_ms":10,"dropped":3}',
  );
  expect(errorFrame('draining', { id: 0, retryAfterMs: 0 })).toContain('"id":0,"retry_after_ms":0}');
});

test('a reason takes the place of the general text', () => {
  const frame = errorFrame('invalid_parameters', { lang: 'en', reason: 'id_invalid' });
  expect(JSON.parse(frame)).toEqual({ type: 'error', error: 'invalid_parameters', detail: REASONS.id_invalid.en });
});

test('values from outside go into the text as they are', () => {
  const type = '$& {type} "\n\ud800 </script>';
  expect(errorDetail('unsupported_message_type', 'zh', { type })).toBe(`不支持的消息类型: ${type}`);
  expect((JSON.parse(errorFrame('unsupported_message_type', { params: { type } })) as { detail: string }).detail).toBe(
    `不支持的消息类型: ${type}`,
  );
});

test('a slot without a value does not stop an error from being sent', () => {
  expect(errorDetail('rate_limited', 'en')).toContain('at most ? a second');
});

function slots(text: string): string[] {
  return (text.match(/\{\w+\}/g) ?? []).toSorted();
}

test('every code has both texts with the same slots', () => {
  expect(ERROR_CODES.length).toBe(16);
  for (const code of ERROR_CODES) expect(slots(ERRORS[code].en)).toEqual(slots(ERRORS[code].zh));
});
