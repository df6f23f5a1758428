/**
 * Does with the SDK what it is told, and reports what comes of it; knows nothing of Node, so that a page can use it. Commands and
 * reports are those of `packages/protocol/conformance/clients/README.md`.
 *
 * @param {typeof import('@tickcast/client').Tickcast} Tickcast
 * @param {(report: Record<string, unknown>) => void} report
 * @returns {(command: Record<string, any>) => Promise<void>}
 */
export function drive(Tickcast, report) {
  /** @type {import('@tickcast/client').Tickcast | undefined} */
  let client;
  /** What the application does with each subscription, by name. */
  const applications = new Map();

  const commands = {
    connect({ url, token, tokens, options }) {
      const askToken = () => {
        report({ report: 'token_asked' });
        return Promise.resolve(tokens.length > 1 ? tokens.shift() : tokens[0]);
      };
      client = new Tickcast(url, { token: tokens ? askToken : token, lang: 'en', ...clientOptions(options) });
      client.on('state', ({ state, previous, error }) => {
        report({ report: 'state', state, previous, error: plainError(error) });
      });
      client.on('gap', (gap) => report({ report: 'gap', gap }));
      client.on('error', (error) => report({ report: 'error', ...plainError(error) }));
      client.on('notice', (notice) => report({ report: 'notice', notice }));
      // What it is raised with is reported with the state.
      client.connect().catch(() => undefined);
    },
    subscribe({ name, channel, keys, overflow, limit, since, handle_ms: handleMs = 0 }) {
      const options = {
        ...(overflow ? { overflow: overflow === 'latest' ? overflow : { [overflow]: limit } } : {}),
        ...(since ? { since } : {}),
      };
      const subscription = subscribe(client, channel, keys ?? undefined, options);
      const application = { subscription, handleMs, goOn: () => undefined };
      applications.set(name, application);
      void read(name, application, report);
    },
    handle({ name, ms }) {
      const application = applications.get(name);
      application.handleMs = ms;
      application.goOn();
    },
    unsubscribe({ name }) {
      applications.get(name).subscription.close();
    },
    streams() {
      const streams = client.streams().map(({ channel, key, epoch, lastSeq, lagMs, ageMs }) => {
        return { channel, key, epoch, last_seq: lastSeq, lag_ms: lagMs, age_ms: ageMs };
      });
      report({ report: 'streams', streams });
    },
    close() {
      void client.close();
    },
    async reset() {
      for (const application of applications.values()) application.goOn();
      applications.clear();
      await client?.close();
      client = undefined;
      report({ report: 'reset' });
    },
  };
  return async (command) => {
    try {
      await commands[command.do](command);
    } catch (error) {
      report({ report: 'broken', message: String(error?.stack ?? error) });
    }
  };
}

function clientOptions({ max_attempts, ping_interval_ms, backoff_first_ms, backoff_max_ms, healthy_after_ms }) {
  return {
    ...(max_attempts === undefined ? {} : { maxAttempts: max_attempts ?? Infinity }),
    ...(healthy_after_ms === undefined ? {} : { healthyAfterMs: healthy_after_ms }),
    pingIntervalMs: ping_interval_ms,
    backoff: { firstMs: backoff_first_ms, maxMs: backoff_max_ms },
  };
}

function subscribe(client, channel, keys, options) {
  switch (channel) {
    case 'market_data':
      return client.marketData(keys, options);
    case 'agent_status':
      return client.agentStatus(keys, options);
    case 'backtest_progress':
      return client.backtestProgress(keys, options);
    default:
      return client.alerts(options);
  }
}

async function read(name, application, report) {
  try {
    for await (const frame of application.subscription) {
      report({ report: 'event', name, frame });
      if (application.handleMs > 0) await busy(application);
    }
    report({ report: 'ended', name, error: null });
  } catch (error) {
    report({ report: 'ended', name, error: plainError(error) });
  }
}

function busy(application) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, application.handleMs);
    application.goOn = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

function plainError(error) {
  if (error === null) return null;
  const { code = String(error?.stack ?? error), closeCode, status, retryAfterMs } = error;
  return { code, close_code: closeCode ?? null, status: status ?? null, retry_after_ms: retryAfterMs ?? null };
}
