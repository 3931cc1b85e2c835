import type { WriteStream } from 'node:tty';

/**
 * Shows what goes on: one line per thing done, with the time since the start, and below them one line that changes. Without
 * a terminal the changing line is printed only when its text is new.
 */
export class Progress {
  readonly #output: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;
  readonly #now: () => number;
  readonly #start: number;
  #current = '';

  /** @param now milliseconds that never go back */
  constructor(output: NodeJS.WritableStream, now: () => number) {
    this.#output = output;
    this.#now = now;
    this.#start = now();
  }

  /** Seconds since the start. */
  get seconds(): number {
    return (this.#now() - this.#start) / 1000;
  }

  /** Something begins. @param estimate how long it takes, if more than 5 seconds */
  begin(what: string, estimate?: number): void {
    this.line(estimate === undefined ? what : `${what} (about ${estimate} s)`);
  }

  /** Something is done. */
  done(what: string): void {
    this.line(`  ${what}`);
  }

  line(text: string): void {
    this.#clear();
    this.#output.write(`${this.#stamp()} ${text}\n`);
    this.#current = '';
  }

  /** What is going on right now. */
  current(text: string): void {
    if (text === this.#current) return;
    if (this.#output.isTTY === true) {
      this.#clear();
      this.#output.write(`${this.#stamp()} ${text}`.slice(0, (this.#output.columns ?? 80) - 1));
    } else {
      this.#output.write(`${this.#stamp()} ${text}\n`);
    }
    this.#current = text;
  }

  #clear(): void {
    if (this.#output.isTTY === true && this.#current !== '') this.#output.write('\r\u001b[K');
  }

  #stamp(): string {
    return `[${this.seconds.toFixed(0).padStart(3)} s]`;
  }
}
