import { styleText } from 'node:util';
import { render, type Format } from './output.ts';

/** How a cell is meant: painted on a terminal that takes colours, and nowhere else. */
export type Tone = 'bad' | 'doubtful';

export interface Column<Row> {
  readonly head: string;
  /** @param now wall clock, milliseconds since the epoch */
  readonly cell: (row: Row, now: number) => string;
  readonly tone?: (row: Row) => Tone | undefined;
  /** Only with `-o wide`. */
  readonly wide?: true;
}

/** What rows of a kind are to people and to machines. */
export interface View<Row> {
  readonly columns: readonly Column<Row>[];
  /** Tells rows apart. */
  readonly key: (row: Row) => string;
  /** What `-o name` prints. */
  readonly name: (row: Row) => string;
  /** Printed to standard error when there are no rows. */
  readonly empty: string;
}

export interface TableSettings {
  readonly wide: boolean;
  readonly now: number;
  /** Default: none. */
  readonly paint?: (text: string, tone: Tone) => string;
}

/**
 * Prints tables that grow: lines that come later are aligned with the first as well as they can be, as kubectl's watch
 * does it.
 */
export class TableWriter<Row> {
  readonly #view: View<Row>;
  #widths: number[] | undefined;

  constructor(view: View<Row>) {
    this.#view = view;
  }

  /** The lines of the rows, below the head the first time. */
  lines(rows: readonly Row[], { wide, now, paint = (text) => text }: TableSettings): string {
    const columns = this.#view.columns.filter((column) => wide || column.wide !== true);
    const cells = rows.map((row) => columns.map((column) => column.cell(row, now)));
    const head = columns.map((column) => column.head);
    const isFirst = this.#widths === undefined;
    this.#widths ??= head.map((text, index) => Math.max(text.length, ...cells.map((line) => line[index]!.length)));
    const widths = this.#widths;
    const line = (texts: readonly string[], row?: Row): string =>
      texts
        .map((text, index) => {
          const isLast = index === texts.length - 1;
          const tone = row === undefined || text === '' ? undefined : columns[index]!.tone?.(row);
          const painted = tone === undefined ? text : paint(text, tone);
          return isLast ? painted : painted + ' '.repeat(Math.max(1, widths[index]! + 3 - text.length));
        })
        .join('')
        .trimEnd();
    const lines = cells.map((texts, index) => line(texts, rows[index]));
    return [...(isFirst ? [line(head)] : []), ...lines].map((text) => `${text}\n`).join('');
  }
}

/** Takes NO_COLOR, FORCE_COLOR and whether the stream is a terminal into account, as Node does. */
export function painter(stream: NodeJS.WritableStream): (text: string, tone: Tone) => string {
  return (text, tone) => styleText(tone === 'bad' ? 'red' : 'yellow', text, { stream, validateStream: true });
}

/** All rows at once. */
export function renderView<Row extends object>(
  view: View<Row>,
  rows: readonly Row[],
  format: Format | undefined,
  settings: Omit<TableSettings, 'wide'>,
): string {
  const text = (wide: boolean): string => new TableWriter(view).lines(rows, { ...settings, wide });
  return render({ items: rows }, format, text, rows.map(view.name));
}

/** Rows that are new or differ from those before, in order; `DELETED` ones are not among them, as in kubectl's tables. */
export function changedRows<Row>(
  view: View<Row>,
  previous: ReadonlyMap<string, string>,
  rows: readonly Row[],
): { readonly changed: Row[]; readonly seen: Map<string, string> } {
  const seen = new Map(rows.map((row) => [view.key(row), JSON.stringify(row)]));
  return { changed: rows.filter((row) => previous.get(view.key(row)) !== seen.get(view.key(row))), seen };
}
