/** One trading day of one stock; prices in HKD, volume in shares. */
export interface DailyBar {
  /** YYYY-MM-DD, in Hong Kong. */
  readonly date: string;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}
