import { type CommandSpec, flag, text } from './command-spec.ts';

const EDGE = {
  url: text('URL', 'of the edge; else TICKCAST_URL'),
  token: text(
    'TOKEN',
    'else TICKCAST_TOKEN, else tokens are made with the secret of the edges, a new one before one ends',
  ),
} as const;

/** Every command with its options: what is parsed, told by `--help` and completed by shells comes from here. */
export const COMMANDS = {
  token: {
    synopsis: '--sub NAME',
    arguments: ['none'],
    summary: 'print a token for clients, signed with the secret of the edges (HS256)',
    details: [],
    options: {
      sub: text('NAME', 'whom it is for'),
      channels: text(
        'LIST',
        'what it may subscribe to: a comma list of CHANNEL or CHANNEL:KEY, where * may stand for either part whole (market_data:0700.HK,alerts); without it everything',
      ),
      ttl: { ...text('TIME', 'how long it is good for: 90s, 15m, 1h, 7d; 1h without it'), default: '1h' },
    },
  },
  publish: {
    synopsis: 'CHANNEL [KEY] JSON',
    arguments: ['channel', 'none'],
    summary: 'publish one event through Redis, and print its number',
    details: [
      'JSON is the event\'s `data`, as in \'{"status":"running",...}\', and KEY says which symbol, agent or backtest it is of; or it is the whole frame, as in \'{"type":"agent_status","agent_id":"coordinator","data":{...}}\' (any object with a `type`), which then names its KEY itself. Either goes out as it is written, digit for digit.',
    ],
    options: {
      'event-id': text('ID', 'publishing the same id on the same stream again within 5 minutes publishes nothing'),
      raw: flag('PUBLISH instead of the Function: no number, no snapshot, no replay'),
    },
  },
  tail: {
    synopsis: 'CHANNEL [KEY...]',
    arguments: ['channel', 'none'],
    summary: 'print what a client receives, an event a line, until Ctrl-C',
    details: [
      'A broken connection, an edge that stops, a token that ends: it comes back by itself, and alerts that were published meanwhile come then. What happens to the connection, gaps and errors are told on stderr. Times are UTC.',
    ],
    options: {
      ...EDGE,
      json: flag('print the frames as they came, and nothing else on stdout'),
      color: {
        ...text('WHEN', 'auto (on a terminal; NO_COLOR and FORCE_COLOR are honoured), always or never'),
        choices: ['auto', 'always', 'never'],
        default: 'auto',
      },
    },
  },
  record: {
    synopsis: 'FILE [CHANNEL[:KEY]...]',
    arguments: ['file', 'selector'],
    summary: 'write what a client receives to a file, until Ctrl-C',
    details: [
      'A line of JSON for each event: when it was received (Unix seconds), channel, key, epoch, and the frame as it came. A gap is a line of its own, with `gap` in place of `frame`. FILE - is stdout. Without a CHANNEL all that needs no KEY is recorded: alerts, agents and backtests. Quotes need a symbol each, as in market_data:0700.HK.',
    ],
    options: {
      ...EDGE,
      append: flag('go on at the end of a FILE that exists, where it is refused otherwise'),
      for: text('TIME', 'end after this time: 90s, 15m, 1h'),
      count: text('N', 'end after this many events'),
    },
  },
  replay: {
    synopsis: 'FILE',
    arguments: ['file', 'none'],
    summary: 'publish what was recorded again, through Redis',
    details: [
      'The same frames, byte for byte, in their order and at their distances in time; they get new numbers and the time of now. Snapshots and gaps are left out. The whole FILE is checked before anything is published.',
      "Clients can't tell a replayed event from a new one. So alerts, which people act upon, are left out unless --alerts is given: use it with a Redis of your own.",
    ],
    options: {
      speed: {
        ...text('N', 'so many times as fast, or max: one after the other without a pause; 1 without it'),
        default: '1',
      },
      alerts: flag('publish the alerts too'),
    },
  },
  bench: {
    synopsis: '',
    arguments: ['none'],
    summary: 'measure how long quotes take from a publisher to clients',
    details: [
      'Publishes quotes of the symbol TICKCAST.BENCH through Redis and receives them in this process through an edge, so publisher, clients and clock are one. The clients take seats of the cluster meanwhile. Above 10 quotes a second edges merge them, and the latencies are those of the ones delivered.',
    ],
    options: {
      ...EDGE,
      rate: { ...text('N', 'quotes a second; 5 without it'), default: '5' },
      seconds: { ...text('S', 'how long; 10 without it'), default: '10' },
      clients: { ...text('K', 'connections; 10 without it'), default: '10' },
      json: flag('print the figures as JSON, latencies in milliseconds'),
    },
  },
  'backtest run': {
    synopsis: '--strategy NAME --symbol SYMBOL',
    arguments: ['none'],
    summary: 'submit a backtest to the workers, and follow it with a progress bar',
    details: [
      'Prints what came of it. Ctrl-C ends the following, not the backtest. The exit code is 0 when it completed; 1 when it failed, was cancelled, or was not followed to its end.',
    ],
    options: {
      strategy: text('NAME', 'ma_crossover, buy_and_hold, or one of your own'),
      symbol: text('SYMBOL', 'such as 0700.HK'),
      from: { ...text('DAY', 'first day, YYYY-MM-DD; without it all that the data has'), default: '1900-01-01' },
      to: { ...text('DAY', 'last day'), default: '9999-12-31' },
      data: {
        ...text('FILE', "with the daily bars, in the workers' data directory; daily-bars.csv without it"),
        default: 'daily-bars.csv',
      },
      param: {
        ...text('NAME=NUMBER', 'of the strategy, or initial_cash, fee_rate, lot; may be given many times'),
        multiple: true,
      },
      'days-per-second': text('N', 'slow it down to be watched'),
      id: text('ID', 'of the backtest; submitting the same again under its id changes nothing'),
      detach: flag('print the id and do not follow'),
      json: flag('print the result as JSON'),
    },
  },
  'backtest follow': {
    synopsis: 'ID',
    arguments: ['none'],
    summary: 'follow a backtest that was submitted before',
    details: [],
    options: { json: flag('print the result as JSON') },
  },
  'backtest list': {
    synopsis: '',
    arguments: ['none'],
    summary: 'show the backtests that wait or run, and the latest that ended',
    details: [],
    options: { json: flag('print them as JSON') },
  },
  'backtest cancel': {
    synopsis: 'ID',
    arguments: ['none'],
    summary: 'end a backtest that waits or runs',
    details: [],
    options: {},
  },
  doctor: {
    synopsis: '',
    arguments: ['none'],
    summary: 'check Redis, the Function in it, an edge, clocks and the way between, and say what to do',
    details: [
      'Each check is ok, FAILED, a warning, or skipped: not checked, with the reason. What is at its default place and is not there is skipped; where neither Redis nor an edge is found, both have failed. For the round trip five quotes of the symbol TICKCAST.DOCTOR are published. The exit code is 1 when a check failed.',
    ],
    options: {
      ...EDGE,
      install: flag('install the Function, or a newer version of it; only Redis and the Function are checked then'),
      json: flag('print the checks as JSON'),
    },
  },
  completion: {
    synopsis: 'bash|zsh|fish',
    arguments: ['shell', 'none'],
    summary: 'print a script that completes this command in a shell',
    details: [
      'For bash, in ~/.bashrc: eval "$(tickcast completion bash)". For zsh, in ~/.zshrc after compinit: eval "$(tickcast completion zsh)". For fish: tickcast completion fish > ~/.config/fish/completions/tickcast.fish',
    ],
    options: {},
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof COMMANDS;

/** The commands with their types widened, to go through them. */
export const COMMAND_SPECS: ReadonlyMap<string, CommandSpec> = new Map(Object.entries(COMMANDS));
