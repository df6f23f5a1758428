/** The backtest can't be run as it was asked for, however often it is tried. The message says what to do. */
export class BacktestRefusedError extends Error {
  static readonly code = 'backtest_refused';
  readonly code = BacktestRefusedError.code;
}
