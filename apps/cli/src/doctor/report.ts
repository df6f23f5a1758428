import { CommandError } from '../failures.ts';

/** `skipped`: it could not be looked at, which says nothing about it. */
export type Outcome = 'ok' | 'failed' | 'warning' | 'skipped';

export interface Check {
  name: string;
  outcome: Outcome;
  detail: string;
  /** What to do, where there is something to do. */
  advice?: string;
}

/** What a look at something found, where it is not just fine. */
export class Finding extends Error {
  readonly outcome: Outcome;
  readonly advice: string | undefined;

  constructor(outcome: Outcome, detail: string, advice?: string) {
    super(detail);
    this.outcome = outcome;
    this.advice = advice;
  }
}

export interface Report {
  /**
   * Looks at one thing and tells what came of it. Never throws.
   *
   * @param advice for when `look` throws something other than a Finding
   * @returns whether it is ok, or at least only a warning
   */
  check(name: string, advice: string, look: () => Promise<string> | string): Promise<boolean>;
  add(check: Check): void;
  /** @throws CommandError when a check failed */
  end(): void;
}

const LABELS: Record<Outcome, string> = { ok: 'ok', failed: 'FAILED', warning: 'warning', skipped: 'skipped' };

/** For people each check is told as it is made; as JSON all of them at the end. */
export function createReport({ json }: { json: boolean }): Report {
  const checks: Check[] = [];

  const add = (check: Check): void => {
    checks.push(check);
    if (json) return;
    console.log(`${LABELS[check.outcome].padEnd(8)}${check.name}: ${check.detail}`);
    if (check.advice !== undefined) console.log(`        -> ${check.advice}`);
  };

  return {
    add,
    async check(name, advice, look) {
      try {
        add({ name, outcome: 'ok', detail: await look() });
        return true;
      } catch (error) {
        const finding = error instanceof Finding ? error : findingOf(error as Error, advice);
        const check: Check = { name, outcome: finding.outcome, detail: finding.message };
        add(finding.advice === undefined ? check : { ...check, advice: finding.advice });
        return finding.outcome === 'warning';
      }
    },
    end() {
      const failed = checks.filter(({ outcome }) => outcome === 'failed');
      if (json) console.log(JSON.stringify({ ok: failed.length === 0, checks }));
      if (failed.length === 0) return;
      const list = failed.map(({ name, detail, advice }) => `\n  ${name}: ${advice ?? detail}`);
      throw new CommandError(`${failed.length} of ${checks.length} checks failed:${list.join('')}`);
    },
  };
}

/** Rights that are missing are the caller's, and say nothing about the thing itself. */
function findingOf({ message, cause }: Error, advice: string): Finding {
  const refused = [message, cause instanceof Error ? cause.message : ''].find((text) => /\bNOPERM\b/.test(text));
  if (refused === undefined) return new Finding('failed', message, advice);
  return new Finding('skipped', `this user of Redis may not look: ${refused}`);
}
