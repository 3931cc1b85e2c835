import type { WriteStream } from 'node:tty';

type Output = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;

/** One line on a terminal that shows how far long work is. Where there is no terminal it shows nothing. */
export class ProgressBar {
  readonly #output: Output;
  readonly #what: string;
  #isShown = false;

  constructor(output: Output, what: string) {
    this.#output = output;
    this.#what = what;
  }

  /** @param note what goes on, after the bar */
  show(done: number, total: number, note = ''): void {
    if (this.#output.isTTY !== true) return;
    const line = `${this.#what} ${barText(done, total)}${note === '' ? '' : `  ${note}`}`;
    this.#output.write(`\r\u001b[K${line.slice(0, (this.#output.columns ?? 80) - 1)}`);
    this.#isShown = true;
  }

  /** Removes the line. */
  end(): void {
    if (this.#isShown) this.#output.write('\r\u001b[K');
    this.#isShown = false;
  }
}

const width = 24;

/** `[######..................] 6/24`. */
export function barText(done: number, total: number): string {
  const filled = total === 0 ? 0 : Math.min(width, Math.floor((done / total) * width));
  return `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${done}/${total}`;
}
