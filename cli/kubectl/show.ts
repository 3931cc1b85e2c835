import type { Command } from 'commander';
import { formatOption, objectFormats, print, render } from '../output.ts';
import { changedRows, painter, renderView, TableWriter, type View } from '../view.ts';
import type { Connection, PrintOptions } from './connection.ts';
import { followAll, readAll, type Snapshot, type Sources } from './live.ts';

export interface ShowOptions extends PrintOptions {
  readonly watch?: true;
}

/** Adds `-o` and `-w`, for a command that {@link show}s. */
export function showOptions(command: Command): Command {
  return formatOption(command, objectFormats).option('-w, --watch', 'go on, and print what changes');
}

/** Prints the rows that are made from the sources; with `--watch` those that change, until the process is stopped. */
export async function show<S extends Sources, Row extends object>(
  { client }: Connection,
  { watch, output }: ShowOptions,
  { sources, rows, view }: { sources: S; rows: (snapshot: Snapshot<S>, now: number) => Row[]; view: View<Row> },
): Promise<void> {
  const paint = painter(process.stdout);
  // Read also before a watch, which would try for ever where a right is missing.
  const first = rows(await readAll(client, sources), Date.now());
  if (watch !== true) {
    const isTable = output === undefined || output === 'wide';
    if (first.length === 0 && isTable) process.stderr.write(`${view.empty}\n`);
    else print(renderView(view, first, output, { now: Date.now(), paint }));
    return;
  }
  const writer = new TableWriter(view);
  const printRows = (changed: readonly Row[]): void => {
    if (output === 'json' || output === 'yaml') {
      const separator = output === 'yaml' ? '---\n' : '';
      for (const row of changed) print(separator + render(row, output, () => ''));
    } else if (output === 'name') for (const row of changed) print(`${view.name(row)}\n`);
    else if (changed.length > 0) print(writer.lines(changed, { wide: output === 'wide', now: Date.now(), paint }));
  };
  let known = new Map<string, string>();
  await followAll(client, sources, neverAborted(), (snapshot) => {
    const { changed, seen } = changedRows(view, known, rows(snapshot, Date.now()));
    known = seen;
    printRows(changed);
  });
}

/** A watch ends with its process, by Ctrl-C or when nobody reads it any more, as kubectl's does. */
export function neverAborted(): AbortSignal {
  return new AbortController().signal;
}
