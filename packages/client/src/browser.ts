/** What the browser's bundle, dist/tickcast.min.js, exports. */
export { Tickcast } from './client.ts';
export { TickcastError } from './errors.ts';
export type * from './mod.ts';
