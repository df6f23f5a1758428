import type { Strategy } from '../strategy.ts';
import { buyAndHold } from './buy-and-hold.ts';
import { maCrossover } from './ma-crossover.ts';

/** The strategies that a backtest may name. Put your own here. */
export const STRATEGIES: readonly Strategy[] = [maCrossover, buyAndHold];
