import { CLIENT_CATALOGUE, type NamedSchema, PUBLISHED_CATALOGUE, SERVER_CATALOGUE } from '../schemas/catalogue.ts';

type Json = Readonly<Record<string, unknown>>;

/** The replies to each client message, by name of schema. */
const REPLIES: Readonly<Record<string, readonly string[]>> = {
  subscribe: ['subscribed', 'subscribed-many', 'error'],
  unsubscribe: ['unsubscribed', 'error'],
  ping: ['pong', 'error'],
  hello: ['welcome', 'error'],
  auth: ['authenticated', 'error'],
  list: ['subscriptions', 'error'],
};

function reference(...path: readonly string[]): Json {
  return { $ref: `#/${path.join('/')}` };
}

function inChannel(channel: string, names: Iterable<string>): readonly Json[] {
  return Array.from(names, (name) => reference('channels', channel, 'messages', name));
}

function messageRefs(names: Iterable<string>): Json {
  return Object.fromEntries(Array.from(names, (name) => [name, reference('components', 'messages', name)]));
}

function message(name: string, { title, description, examples = [] }: NamedSchema): Json {
  return {
    name,
    title,
    summary: description,
    contentType: 'application/json',
    payload: reference('components', 'schemas', name),
    examples: examples.map((payload) => ({ payload })),
  };
}

/** The schema without its `$id`, which would change what references inside the document mean. */
function component(schema: NamedSchema): Json {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== '$id' && name !== 'examples'));
}

function operations(): Json {
  const all: Record<string, Json> = {};
  for (const [name, { description }] of CLIENT_CATALOGUE) {
    all[name] = {
      action: 'receive',
      channel: reference('channels', 'websocket'),
      summary: description,
      messages: inChannel('websocket', [name]),
      reply: { channel: reference('channels', 'websocket'), messages: inChannel('websocket', REPLIES[name] ?? []) },
    };
  }
  const replies = new Set(Object.values(REPLIES).flat());
  for (const [name, { description }] of SERVER_CATALOGUE) {
    if (replies.has(name) && name !== 'error') continue;
    all[`send-${name}`] = {
      action: 'send',
      channel: reference('channels', 'websocket'),
      summary: description,
      messages: inChannel('websocket', [name]),
    };
  }
  all['publish'] = {
    action: 'receive',
    channel: reference('channels', 'redis'),
    summary: 'Other services publish events through the `tickcast_publish` function, or with PUBLISH.',
    messages: inChannel('redis', PUBLISHED_CATALOGUE.keys()),
  };
  return all;
}

/** The AsyncAPI 3 document: the protocol from the server's side. */
export function asyncapi(): Json {
  const schemas = [...CLIENT_CATALOGUE, ...SERVER_CATALOGUE, ...PUBLISHED_CATALOGUE];
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Tickcast',
      version: '1.0.0',
      description: 'Real-time market data, agent status, backtest progress and alerts over WebSocket. See PROTOCOL.md.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      edge: {
        host: 'localhost:8001',
        protocol: 'ws',
        description: 'Any edge node.',
        security: [reference('components', 'securitySchemes', 'token')],
      },
      redis: { host: 'localhost:6379', protocol: 'redis', description: 'Where other services publish.' },
    },
    channels: {
      websocket: {
        address: '/api/v1/websocket',
        servers: [reference('servers', 'edge')],
        messages: messageRefs([...CLIENT_CATALOGUE.keys(), ...SERVER_CATALOGUE.keys()]),
      },
      redis: {
        address: null,
        description:
          'One Redis key a stream: `tickcast:{market_data:0700.HK}`, `tickcast:{agent_status}:coordinator`, `tickcast:{backtest_progress}:bt_123456`, `tickcast:{alerts}`.',
        servers: [reference('servers', 'redis')],
        messages: messageRefs(PUBLISHED_CATALOGUE.keys()),
      },
    },
    operations: operations(),
    components: {
      messages: Object.fromEntries(schemas.map(([name, schema]) => [name, message(name, schema)])),
      schemas: Object.fromEntries(schemas.map(([name, schema]) => [name, component(schema)])),
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}
