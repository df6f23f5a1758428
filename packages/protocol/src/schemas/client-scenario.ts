import { type Static, type TProperties, Type } from 'typebox';
import { ChannelName, schemaId } from './common.ts';

const closed = { additionalProperties: false } as const;

const Name = Type.String({ pattern: '^[a-z0-9-]{1,32}$', description: 'Of a subscription.' });
const Node = Type.Integer({ minimum: 1, description: 'A node of the cluster, from 1.' });
const Milliseconds = Type.Integer({ minimum: 0, description: 'Milliseconds.' });
const Count = Type.Integer({ minimum: 1 });
const Direction = Type.Enum(['to-server', 'to-client']);
/** Compared as the cases of a server are: what is listed must be there and be equal, there may be more. */
const Partial = Type.Record(Type.String(), Type.Unknown());
const State = Type.Enum(['closed', 'connecting', 'live', 'stale', 'draining', 'resuming']);
const Code = Type.String({ pattern: '^[a-z_]+$', description: 'Code of an error.' });

const Token = Type.Object(
  {
    ttl_seconds: Type.Optional(Type.Integer({ description: '3600 when absent.' })),
    channels: Type.Optional(Type.Unknown({ description: 'The claim; absent when absent, which allows all.' })),
    forged: Type.Optional(Type.Literal(true, { description: 'Signed with another secret.' })),
  },
  { ...closed, description: 'A token, minted when the client connects, for the user `tester`.' },
);

const ClientOptions = Type.Object(
  {
    max_attempts: Type.Optional(Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], { description: 'null: any.' })),
    ping_interval_ms: Type.Optional(Milliseconds),
    backoff_first_ms: Type.Optional(Milliseconds),
    backoff_max_ms: Type.Optional(Milliseconds),
    healthy_after_ms: Type.Optional(Milliseconds),
  },
  closed,
);

const Stream = {
  channel: ChannelName,
  key: Type.Optional(Type.String({ description: 'Symbol, agent or backtest, in normal form; absent for alerts.' })),
};

function step<Verb extends string, Fields extends TProperties>(verb: Verb, description: string, fields: Fields) {
  return Type.Object({ do: Type.Literal(verb), ...fields }, { ...closed, description });
}

const Step = Type.Union([
  step('connect', 'The client begins to connect to the door.', {}),
  step('subscribe', 'The client subscribes; while nothing is published.', {
    name: Name,
    channel: ChannelName,
    keys: Type.Optional(Type.Array(Type.String(), { minItems: 1, description: 'As the application writes them.' })),
    overflow: Type.Optional(Type.Enum(['latest', 'buffer', 'error'])),
    limit: Type.Optional(Count),
    handle_ms: Type.Optional(Type.Integer({ minimum: 0, description: 'How long the application takes an event.' })),
    since_last_of: Type.Optional(Name),
  }),
  step('handle', 'The application takes so long an event from now on; what it is busy with it ends.', {
    name: Name,
    ms: Milliseconds,
  }),
  step('unsubscribe', 'The application ends a subscription.', { name: Name }),
  step('close', 'The application closes the client.', {}),
  step('restart_client', 'The program of the client is killed, and started anew.', {}),
  step('expect_streams', 'The client tells these streams, in any order.', { streams: Type.Array(Partial) }),

  step('publish', 'Events are published, and answered by Redis.', {
    ...Stream,
    count: Type.Optional(Count),
    status: Type.Optional(Type.String({ description: 'Of an agent or a backtest; running when absent.' })),
    padding: Type.Optional(Type.Integer({ minimum: 1, description: 'Bytes of filling in each.' })),
    raw: Type.Optional(Type.Literal(true, { description: 'With PUBLISH, outside numbering.' })),
  }),
  step('keep_publishing', 'An event is published every so often, beside the next steps.', {
    ...Stream,
    every_ms: Count,
  }),
  step('stop_publishing', 'Nothing is published any more beside the steps.', {}),

  step('cut', 'Every connection through the door ends at once.', {}),
  step('reset', 'Every connection through the door is reset.', {}),
  step('refuse', 'New connections to the door are reset at once.', {}),
  step('stall', 'Bytes wait at the door.', { direction: Type.Optional(Direction) }),
  step('swallow', 'Bytes are lost at the door, and nobody is told.', { direction: Type.Optional(Direction) }),
  step('heal', 'The door is as at first; connections of which something was lost are reset.', {}),
  step('open_to', 'New connections go to another node.', { node: Node }),
  step('answer', 'New connections go to a server that answers with an HTTP status, until `open_to`.', {
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    retry_after: Type.Optional(Type.Integer({ minimum: 0, description: 'Seconds, for the header `Retry-After`.' })),
  }),
  step('inject', 'The client gets what no node sent: one of the following.', {
    text: Type.Optional(Type.String({ description: 'One text frame.' })),
    nested: Type.Optional(Type.Integer({ minimum: 1, description: 'A text frame of so many opening brackets.' })),
    binary: Type.Optional(Type.String({ description: 'Base64 of one binary frame.' })),
    bytes: Type.Optional(Type.String({ description: 'Base64 of bytes that are sent as they are.' })),
    close: Type.Optional(Type.Integer({ description: 'A close frame with this code; then the connection ends.' })),
    again: Type.Optional(Type.Enum(['alerts', 'market_data'], { description: 'The last push of that channel again.' })),
  }),
  step('garble', 'The next pushes of that channel come as text that is no JSON.', {
    channel: ChannelName,
    count: Count,
  }),

  step('kill_node', 'SIGKILL.', { node: Node }),
  step('drain_node', 'SIGTERM.', { node: Node }),
  step('pause_node', 'SIGSTOP.', { node: Node }),
  step('resume_node', 'SIGCONT.', { node: Node }),
  step('pause_redis', 'SIGSTOP.', {}),
  step('resume_redis', 'SIGCONT.', {}),
  step('flush_redis', 'FLUSHALL.', {}),
  step('forget_stream', 'All that Redis has of a channel is deleted, so that its numbering begins anew.', {
    channel: ChannelName,
  }),
  step('trim_log', 'The log of alerts is cut to its last so many events.', { keep: Type.Integer({ minimum: 0 }) }),

  step('hold_seat', 'Somebody else connects, and takes a seat.', {}),
  step('release_seat', 'He leaves.', {}),
  step('take_over_seat', 'Somebody else connects with the seat of the client.', {}),

  step('wait', 'Until the client reports it, or the node sends it, after what was waited for before.', {
    report: Type.Optional(Partial),
    sent: Type.Optional(Partial),
  }),
  step('wait_attempt', 'Until the next connection to the door; not sooner after the step before began.', {
    at_least_ms: Type.Optional(Milliseconds),
  }),
  step('settle', 'Until every subscription has all that was published.', {}),
  step('rest', 'So much time goes by in which nothing is expected to happen.', { ms: Milliseconds }),
]);

const End = Type.Object(
  {
    state: State,
    states: Type.Optional(
      Type.Array(State, { description: 'All reported, in order; being stale for a moment may come besides.' }),
    ),
    final: Type.Optional(Type.Object({ code: Code }, { description: 'The error with the state closed, in part.' })),
    errors: Type.Optional(Type.Array(Code, { description: 'Each is reported, none but these and `may`.' })),
    may: Type.Optional(Type.Array(Code, { description: 'Errors that may be reported besides.' })),
    notices: Type.Optional(Type.Array(Partial, { description: 'All reported, in order.' })),
    gaps: Type.Optional(Type.Array(Partial, { description: 'All reported, in any order; none when absent.' })),
    events: Type.Optional(
      Type.Record(Name, Type.Array(Partial), { description: 'All that the subscription got, in order.' }),
    ),
    ended: Type.Optional(
      Type.Record(Name, Type.Union([Type.Null(), Code]), {
        description: 'Subscriptions that ended, normally (null) or with an error; no others did.',
      }),
    ),
    attempts: Type.Optional(Type.Integer({ minimum: 0, description: 'Connections to the door, refused ones too.' })),
    tokens_asked: Type.Optional(Type.Integer({ minimum: 0, description: 'Calls of the token function.' })),
    same_seat: Type.Optional(Type.Literal(true, { description: 'Every `welcome` told the same seat.' })),
  },
  closed,
);

/** One story of a client and a cluster: what happens, and what must be at its end. */
export const ClientScenario = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'A sentence of the contract.' }),
    cluster: Type.Optional(
      Type.Object(
        {
          nodes: Type.Optional(Type.Integer({ minimum: 1, description: '1 when absent.' })),
          settings: Type.Optional(
            Type.Record(Type.String({ pattern: '^TICKCAST_' }), Type.String(), { description: 'Of every node.' }),
          ),
          own_redis: Type.Optional(Type.Literal(true, { description: 'Redis is not shared with other scenarios.' })),
        },
        closed,
      ),
    ),
    token: Type.Optional(Token),
    tokens: Type.Optional(
      Type.Array(Token, {
        minItems: 1,
        description:
          'The client is given a function, which gives the first, then the second; the last again and again.',
      }),
    ),
    client: Type.Optional(ClientOptions),
    needs: Type.Optional(
      Type.Array(Type.Enum(['status']), {
        description: 'What a client must be able to; `status`: see the HTTP status of a refused handshake.',
      }),
    ),
    steps: Type.Array(Step, { minItems: 1 }),
    end: End,
  },
  closed,
);

export const ClientScenarios = Type.Array(ClientScenario, {
  $id: schemaId('client-scenarios'),
  title: 'client scenarios',
  description: 'A file of scenarios for clients; the README beside them says how to run them.',
});

export type ClientScenario = Static<typeof ClientScenario>;
