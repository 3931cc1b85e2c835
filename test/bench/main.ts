/**
 * Runs benchmarks one after the other: `node test/bench/main.ts [names...]`. A table of each goes to stderr; stdout gets one
 * JSON document of all.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Benchmark, Row } from './benchmark.ts';
import { informer } from './informer.ts';
import { ledger } from './ledger.ts';
import { placement } from './placement.ts';

const benchmarks: readonly Benchmark[] = [placement, ledger, informer];

function table(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const { positionals: names } = parseArgs({ allowPositionals: true });
const known = benchmarks.map(({ name }) => name);
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}; there are: ${known.join(', ')}`);
  process.exit(2);
}
const chosen = benchmarks.filter(({ name }) => names.length === 0 || names.includes(name));
const machine = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length };
const results: { name: string; about: string; rows: Row[] }[] = [];
for (const { name, about, run } of chosen) {
  console.error(`\n${name}: ${about}`);
  const rows = await run();
  console.error(table(rows));
  results.push({ name, about, rows });
}
console.log(JSON.stringify({ date: new Date().toISOString(), ...machine, results }, null, 2));
