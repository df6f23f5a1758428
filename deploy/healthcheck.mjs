/** `node healthcheck.mjs [PATH]`, the HEALTHCHECK of images: exits 0 when the admin port answers 200 on /livez or PATH. */
import { request } from 'node:http';

// oxlint-disable-next-line node/no-process-env -- a program of its own, without a config.ts
const { TICKCAST_HOST, TICKCAST_ADMIN_PORT, TICKCAST_PRODUCERS_ADMIN_PORT } = process.env;
const isAnywhere = !TICKCAST_HOST || TICKCAST_HOST === '0.0.0.0' || TICKCAST_HOST === '::';

// Docker ends a check that takes too long, podman waits for it.
const WITHIN_MS = 2500;

request({
  host: isAnywhere ? '127.0.0.1' : TICKCAST_HOST,
  port: TICKCAST_PRODUCERS_ADMIN_PORT || TICKCAST_ADMIN_PORT,
  path: process.argv[2] ?? '/livez',
  signal: AbortSignal.timeout(WITHIN_MS),
})
  .on('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('error', ({ message }) => {
    console.error(message);
    process.exit(1);
  })
  .end();
