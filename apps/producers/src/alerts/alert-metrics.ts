import { Counter, Gauge, type Registry } from 'prom-client';
import type { AlertState } from './alert.ts';
import type { AlertRule } from './rules.ts';

export interface AlertMetrics {
  told(rule: string, state: AlertState): void;
  /** How many episodes of a rule were announced and are not over, as far as this worker watches over them. */
  firing(rule: string, count: number): void;
}

export function createAlertMetrics(registry: Registry, rules: readonly AlertRule[]): AlertMetrics {
  const registers = [registry];
  new Gauge({ name: 'tickcast_alert_rules', help: 'Alert rules in the file', registers }).set(rules.length);
  const told = new Counter({
    name: 'tickcast_alerts_total',
    help: 'Alerts that this worker published',
    labelNames: ['rule', 'state'],
    registers,
  });
  const firing = new Gauge({
    name: 'tickcast_alerts_firing',
    help: 'Alerts announced and not resolved; 0 on workers that do not watch',
    labelNames: ['rule'],
    registers,
  });
  for (const { name: rule } of rules) firing.set({ rule }, 0);
  return {
    told: (rule, state) => told.inc({ rule, state }),
    firing: (rule, count) => firing.set({ rule }, count),
  };
}
