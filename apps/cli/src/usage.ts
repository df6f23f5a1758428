/** What `tickcast --help` prints. */
export const USAGE = `Usage: tickcast COMMAND

  token --sub NAME [--channels LIST] [--ttl TIME]
      Print a token for clients, signed with the secret of the edges (HS256).
      --sub       whom it is for
      --channels  what it may subscribe to: a comma list of CHANNEL or CHANNEL:KEY, where * may stand for either
                  part whole (market_data:0700.HK,alerts); without it everything
      --ttl       how long it is good for: 90s, 15m, 1h, 7d; 1h without it

  publish CHANNEL [KEY] JSON [--event-id ID] [--raw]
      Publish one event through Redis, and print its number.
      JSON is the event's \`data\`, as in '{"status":"running",...}', and KEY says which symbol, agent or backtest it is
      of; or it is the whole frame, as in '{"type":"agent_status","agent_id":"coordinator","data":{...}}' (any object
      with a \`type\`), which then names its KEY itself. Either goes out as it is written, digit for digit.
      --event-id  publishing the same id on the same stream again within 5 minutes publishes nothing
      --raw       PUBLISH instead of the Function: no number, no snapshot, no replay

  tail CHANNEL [KEY] [--url URL] [--token TOKEN] [--json]
      Subscribe through an edge and print every event on a line, until Ctrl-C.
      --url       of the edge; else TICKCAST_URL
      --token     else TICKCAST_TOKEN, else one is made with the secret of the edges
      --json      print the frames as they came; notices of the server go to stderr

  backtest run --strategy NAME --symbol SYMBOL [OPTIONS]
      Submit a backtest to the workers, follow it with a progress bar, and print what came of it. Ctrl-C ends the
      following, not the backtest.
      --strategy          ma_crossover, buy_and_hold, or one of your own
      --symbol            such as 0700.HK
      --from, --to        first and last day, YYYY-MM-DD; without them, all days of the data
      --data              file with the daily bars, in the workers' data directory; daily-bars.csv without it
      --param NAME=NUMBER of the strategy, or initial_cash, fee_rate, lot; may be given many times
      --days-per-second   slow it down to be watched
      --id                of the backtest; submitting the same again under its id changes nothing
      --detach            print the id and do not follow
      --json              print the result as JSON
  backtest follow ID [--json]
      Follow one that was submitted before.
  backtest list [--json]
      Those that wait or run, and the latest that ended.
  backtest cancel ID
      End one that waits or runs.

  doctor [--install]
      Check Redis and the \`tickcast\` Function in it, and say what to do about what is wrong.
      --install   install the Function, or a newer version of it

Channels: market_data (KEY: a symbol), agent_status (an agent), backtest_progress (a backtest), alerts (no KEY).

Environment: TICKCAST_REDIS_URL, TICKCAST_REDIS_PREFIX, TICKCAST_AUTH_SECRET or TICKCAST_AUTH_SECRET_FILE, TICKCAST_URL,
TICKCAST_TOKEN.
While \`npm start\` runs, what is not set is taken from it.

Exit codes: 0 done, 1 it failed (the reason is on stderr), 2 the command line is wrong. Of a backtest that is followed,
0 means completed, 1 failed, cancelled, or not followed to its end.
`;
