/** True, or in one line why not. Must answer at once. */
export type Check = () => true | string;

/** Where a program registers its checks. A name registered again replaces the check. */
export interface Health {
  /** Whether it can do its work: `/readyz`. A program is not ready before it registered one. */
  readiness(name: string, check: Check): void;
}

export interface HealthReport {
  readonly ok: boolean;
  /** One line per check, as Kubernetes writes them: `[+]name ok`, `[-]name failed: why`. */
  readonly text: string;
}

/** Holds the checks and answers for them. */
export class HealthChecks implements Health {
  readonly #readiness = new Map<string, Check>();
  #stopping = false;

  readiness(name: string, check: Check): void {
    this.#readiness.set(name, check);
  }

  /** From now on it is not ready. */
  stopping(): void {
    this.#stopping = true;
  }

  isReady(): HealthReport {
    if (this.#stopping) return { ok: false, text: '[-]stopping failed: the process is stopping\n' };
    if (this.#readiness.size === 0) return { ok: false, text: '[-]starting failed: the program has not started yet\n' };
    return report(this.#readiness);
  }
}

function report(checks: ReadonlyMap<string, Check>): HealthReport {
  const results = [...checks].map(([name, check]) => ({ name, result: ask(check) }));
  const ok = results.every(({ result }) => result === true);
  const lines = results.map(({ name, result }) => (result === true ? `[+]${name} ok` : `[-]${name} failed: ${result}`));
  return { ok, text: `${[...lines, ok ? 'ok' : 'failed'].join('\n')}\n` };
}

function ask(check: Check): true | string {
  try {
    return check();
  } catch (error) {
    return `the check itself failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}
