/** What a server under test is told by the one that starts it. */
export interface ServerSettings {
  /** 0 for any free one. */
  port: number;
  redisUrl: string;
  /** Of HS256 tokens. */
  secret: string;
}

/** @throws when a setting is missing, with its name */
export function readSettings(): ServerSettings {
  return { port: Number(read('BENCH_PORT')), redisUrl: read('BENCH_REDIS_URL'), secret: read('BENCH_SECRET') };
}

function read(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: set it, or start this server with \`npm run bench\``);
  return value;
}
