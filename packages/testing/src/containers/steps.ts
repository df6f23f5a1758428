/** What was shown, said while it is shown and again at the end. */
export interface Steps {
  /** Everything until the next one belongs to it. */
  begin(scenario: string): void;
  /**
   * One expectation.
   *
   * @param show throws where it does not hold; what it answers is said with the title
   */
  show(title: string, show: () => Promise<string | void>): Promise<void>;
  /** Lines to read in between, such as a report. */
  say(text: string): void;
  /** A line for each step so far. */
  table(): string;
}

interface Step {
  scenario: string;
  title: string;
  seconds: string;
  detail: string;
}

/** More than any step takes. */
const STEP_WITHIN_MS = 300_000;

export function startSteps(): Steps {
  const steps: Step[] = [];
  let scenario = '';
  const say = (text: string) => console.log(text.replace(/^/gm, '  '));
  return {
    say,
    begin(name) {
      scenario = name;
      console.log(`\n${name}`);
    },
    async show(title, show) {
      const startedAt = performance.now();
      const step = { scenario, title, seconds: '', detail: '' };
      const end = (detail: string) => {
        step.seconds = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
        step.detail = detail;
        steps.push(step);
      };
      try {
        end((await inTime(show())) ?? 'ok');
        say(`${title}: ${step.detail} (${step.seconds})`);
      } catch (error) {
        end('NOT SHOWN');
        throw new Error(`${scenario}: ${title}: ${(error as Error).message}`, { cause: error });
      }
    },
    table() {
      const width = (field: keyof Step) => Math.max(0, ...steps.map((step) => step[field].length));
      const [scenarios, titles, seconds] = [width('scenario'), width('title'), width('seconds')];
      return steps
        .map(({ scenario: name, title, seconds: took, detail }) =>
          [name.padEnd(scenarios), title.padEnd(titles), took.padStart(seconds), detail].join('  '),
        )
        .join('\n');
    },
  };
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${STEP_WITHIN_MS / 1000} s`)), STEP_WITHIN_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
