import type { Dialect } from './dialect.ts';

/** A client that asks for nothing: it is ready when its token was found good. */
export const bare: Dialect = {
  path: '/',
  hello: () => Buffer.alloc(0),
  isReady: (text) => (text === '{"type":"welcome"}' ? 'ready' : new Error(`the bare server said ${text}`)),
  answer: () => null,
  isEvent: () => false,
};
