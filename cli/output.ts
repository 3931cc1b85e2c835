import { Option, type Command } from 'commander';
import { stringify } from 'yaml';

export const formats = ['json', 'yaml', 'wide'] as const;
export type Format = (typeof formats)[number] | 'name';

/** For what has no wide form. */
export const documentFormats = ['json', 'yaml'] as const satisfies readonly Format[];

/** For what is about objects that kubectl knows. */
export const objectFormats = [...formats, 'name'] as const satisfies readonly Format[];

/** Adds `-o`. */
export function formatOption(command: Command, allowed: readonly Format[] = formats): Command {
  return command.addOption(new Option('-o, --output <format>', 'how to print it').choices(allowed));
}

/**
 * A document for machines, or the text for people.
 * @param names what `-o name` prints, as kubectl does: `inferencejob.isochrone.dev/read-lines`
 */
export function render(
  document: object,
  format: Format | undefined,
  text: (wide: boolean) => string,
  names: readonly string[] = [],
): string {
  if (format === 'json') return `${JSON.stringify(document, null, 2)}\n`;
  if (format === 'yaml') return stringify(document);
  if (format === 'name') return names.map((name) => `${name}\n`).join('');
  return text(format === 'wide');
}

/** Columns as kubectl prints them: three spaces between, the last one ragged. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], indent = ''): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]! + 3))).join('');
  return all.map((row) => `${indent}${line(row).trimEnd()}\n`).join('');
}

/** The largest two units, as kubectl prints ages: `3d4h`, `5m12s`, `8s`. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const units: [string, number][] = [
    ['d', Math.floor(seconds / 86_400)],
    ['h', Math.floor(seconds / 3600) % 24],
    ['m', Math.floor(seconds / 60) % 60],
    ['s', seconds % 60],
  ];
  const first = units.findIndex(([, count]) => count > 0);
  if (first === -1) return '0s';
  return units
    .slice(first, first + 2)
    .filter(([, count]) => count > 0)
    .map(([unit, count]) => `${count}${unit}`)
    .join('');
}

export function print(text: string): void {
  process.stdout.write(text);
}
