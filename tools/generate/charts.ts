import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, parse, parseDocument, type Pair, type Scalar, type YAMLMap } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };

/** What each chart has of the folder crds/: the hub holds every kind, a member those that its programs use. */
const kindsOf: Readonly<Record<string, readonly string[] | undefined>> = {
  isochrone: undefined,
  'isochrone-edge': ['inferencenodes', 'inferencetasks'],
};

/**
 * The charts, whose packages hold all they need: copies of what they share, and a reference of their values. In crds/ itself only
 * the version is written, by which a chart that does not install them tells that they are too old: also when they were applied
 * from there.
 */
export function* chartFiles(root: string): Generator<[string, string]> {
  const common = readFileSync(join(root, 'charts', 'common', '_common.tpl'), 'utf8');
  const crds = readdirSync(join(root, 'crds'))
    .filter((name) => name.endsWith('.yaml'))
    .map((file) => [file, labelled(readFileSync(join(root, 'crds', file), 'utf8'), packageJson.version)] as const);
  for (const [file, crd] of crds) yield [join('crds', file), crd];
  for (const [chart, kinds] of Object.entries(kindsOf)) {
    const folder = join('charts', chart);
    yield [join(folder, 'templates', '_common.tpl'), common];
    const read = (name: string): string => readFileSync(join(root, folder, name), 'utf8');
    const { description } = parse(read('Chart.yaml')) as { description: string };
    for (const [file, crd] of crds) {
      if (kinds !== undefined && !kinds.some((kind) => file === `isochrone.dev_${kind}.yaml`)) continue;
      yield [join(folder, 'files', 'crds', file), crd];
    }
    yield [join(folder, 'README.md'), readme(chart, description, read('values.yaml'))];
  }
}

function labelled(crd: string, version: string): string {
  const label = `  labels:\n    app.kubernetes.io/version: ${version}\n`;
  return crd.replace(/^metadata:\n(?: {2}labels:\n {4}app\.kubernetes\.io\/version: .*\n)?/m, `metadata:\n${label}`);
}

function readme(chart: string, description: string, values: string): string {
  const rows = valueRows(values).map(({ path, value, comment }) => `| \`${path}\` | ${value} | ${comment} |`);
  return [
    `# ${chart}`,
    '',
    `${description} How it is installed: [docs/install.md](../../docs/install.md).`,
    '',
    '<!-- Written by tools/generate from values.yaml. -->',
    '',
    '## Values',
    '',
    '| Value | Default | Meaning |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

export interface ValueRow {
  readonly path: string;
  readonly value: string;
  readonly comment: string;
}

/**
 * A row for each value, and for each group that has a comment. A mapping is one value when its keys have no comments.
 * @throws Error for a value without a comment
 */
export function valueRows(text: string): ValueRow[] {
  const document = parseDocument(text);
  // The parser gives the comment above the first key to the document.
  const lead = document.commentBefore ?? null;
  return [...rowsOf(document.contents as YAMLMap, [], lead)];
}

function* rowsOf(map: YAMLMap, parents: readonly string[], lead: string | null = null): Generator<ValueRow> {
  for (const [index, pair] of (map.items as Pair<Scalar<string>>[]).entries()) {
    const path = [...parents, pair.key.value];
    const comment = oneLine(pair.key.commentBefore ?? (index === 0 ? (lead ?? map.commentBefore) : null));
    const isGroup = isMap(pair.value) && hasComments(pair.value);
    if (!isGroup && comment === '')
      throw new Error(`values.yaml: ${path.join('.')} has no comment; write above it what it is`);
    if (comment !== '') yield { path: path.join('.'), value: isGroup ? '' : shown(pair.value), comment };
    if (isGroup) yield* rowsOf(pair.value as YAMLMap, path);
  }
}

function hasComments(map: YAMLMap): boolean {
  return (map.items as Pair<Scalar<string>>[]).some(
    ({ key, value }, index) =>
      (key.commentBefore ?? (index === 0 ? map.commentBefore : null) ?? '') !== '' ||
      (isMap(value) && hasComments(value)),
  );
}

function oneLine(comment: string | null | undefined): string {
  return (comment ?? '')
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .replaceAll('|', '\\|');
}

function shown(node: unknown): string {
  const value: unknown = (node as { toJSON(): unknown }).toJSON();
  return value === '' ? '' : `\`${JSON.stringify(value)}\``;
}
