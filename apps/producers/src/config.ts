/** What the producers take from the environment; the names and defaults are the edge's. */
export interface ProducersConfig {
  redisUrl: string;
  redisPrefix: string;
  logLevel: string;
}

/** @throws when `TICKCAST_REDIS_URL` is no Redis URL */
export function readConfig(env: NodeJS.ProcessEnv = process.env): ProducersConfig {
  const redisUrl = env['TICKCAST_REDIS_URL'] || 'redis://127.0.0.1:6379';
  if (!/^rediss?:\/\//.test(redisUrl) || !URL.canParse(redisUrl)) {
    throw new Error('TICKCAST_REDIS_URL must look like redis://HOST:6379');
  }
  return {
    redisUrl,
    redisPrefix: (env['TICKCAST_REDIS_PREFIX'] || 'tickcast').replace(/:?$/, ':'),
    logLevel: env['TICKCAST_LOG_LEVEL'] || 'info',
  };
}
