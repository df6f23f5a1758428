/** Every server listens on this address alone. */
export const HOST = '127.0.0.1';

/** Tells the process that started this one where it listens: one line of JSON on stdout. */
export function announce(port: number): void {
  console.log(JSON.stringify({ port }));
}
