type Code = 'invalid_request' | 'id_taken' | 'unknown_backtest' | 'already_finished';

/** What was asked of the backtests can't be done. The message says why, for the person who asked. */
export class BacktestCallError extends Error {
  override readonly name = 'BacktestCallError';
  readonly code: Code;

  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
  }
}
