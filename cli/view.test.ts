import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { changedRows, renderView, TableWriter, type View } from './view.ts';

interface Row {
  readonly name: string;
  readonly state: string;
}

const view: View<Row> = {
  key: ({ name }) => name,
  name: ({ name }) => `thing/${name}`,
  empty: 'No things found.',
  columns: [
    { head: 'NAME', cell: ({ name }) => name },
    { head: 'STATE', cell: ({ state }) => state, tone: ({ state }) => (state === 'Bad' ? 'bad' : undefined) },
    { head: 'MORE', cell: ({ name }, now) => `${name}@${now}`, wide: true },
  ],
};
const rows: Row[] = [
  { name: 'a', state: 'Good' },
  { name: 'longer', state: 'Bad' },
];

test('rows have every format', () => {
  const as = (format?: 'json' | 'yaml' | 'wide' | 'name'): string => renderView(view, rows, format, { now: 5 });
  assert.equal(as(), 'NAME     STATE\na        Good\nlonger   Bad\n');
  assert.equal(as('wide'), 'NAME     STATE   MORE\na        Good    a@5\nlonger   Bad     longer@5\n');
  assert.equal(as('name'), 'thing/a\nthing/longer\n');
  assert.deepEqual(JSON.parse(as('json')), { items: rows });
  assert.equal(as('yaml'), 'items:\n  - name: a\n    state: Good\n  - name: longer\n    state: Bad\n');
});

test('later lines keep to the columns of the first, and have no head', () => {
  const writer = new TableWriter(view);
  const settings = { wide: false, now: 0 };
  assert.equal(writer.lines(rows, settings), 'NAME     STATE\na        Good\nlonger   Bad\n');
  const later = [
    { name: 'b', state: 'Good' },
    { name: 'much-longer', state: 'Good' },
  ];
  assert.equal(writer.lines(later, settings), 'b        Good\nmuch-longer Good\n');
});

test('paint goes onto what is wrong, and does not move the columns', () => {
  const paint = (text: string, tone: string): string => `<${tone}>${text}</>`;
  const painted = new TableWriter({ ...view, columns: view.columns.toReversed() });
  assert.equal(
    painted.lines(rows, { wide: false, now: 0, paint }),
    'STATE   NAME\nGood    a\n<bad>Bad</>     longer\n',
  );
});

test('colours are for terminals that take them: NO_COLOR and pipes get none', () => {
  const painted = (env: Record<string, string>): string =>
    execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const { painter } = await import(${JSON.stringify(join(import.meta.dirname, 'view.ts'))});
         process.stdout.write(painter(process.stdout)('x', 'bad'));`,
      ],
      { encoding: 'utf8', env: { PATH: process.env['PATH'], ...env } },
    );
  assert.equal(painted({}), 'x', 'a pipe');
  assert.equal(painted({ FORCE_COLOR: '1' }), '\u001b[31mx\u001b[39m');
});

test('a watch prints what is new or differs, and not what has gone', () => {
  const first = changedRows(view, new Map(), rows);
  assert.deepEqual(first.changed, rows);
  assert.deepEqual(changedRows(view, first.seen, rows).changed, []);
  const next = [rows[0]!, { name: 'c', state: 'Good' }, { name: 'd', state: 'Bad' }];
  const second = changedRows(view, first.seen, next);
  assert.deepEqual(second.changed, next.slice(1));
  // What went and came back is told of again.
  assert.deepEqual(changedRows(view, second.seen, rows).changed, [rows[1]]);
});
