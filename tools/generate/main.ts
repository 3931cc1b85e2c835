/**
 * Writes api/generated from crds/ and proto/, what charts have copies of, the dashboards, and docs/reference from the
 * programs. With --check it writes nothing and fails when the files differ.
 *
 * Usage: node tools/generate/main.ts [--check]
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import protobuf from 'protobufjs';
import { parse } from 'yaml';
import { dashboardFiles } from '../dashboards/index.ts';
import { chartFiles } from './charts.ts';
import { generateKind, type CustomResourceDefinition } from './crd-types.ts';
import { referenceFolder, referencePages } from './reference-pages.ts';
import { generateSchemaFields } from './schema-fields.ts';

const root = join(import.meta.dirname, '..', '..');
const dashboards = join('charts', 'isochrone', 'files', 'dashboards');
/** Folders that hold nothing else; other generated files lie among those that people write. */
const ownFolders = [
  join('api', 'generated'),
  dashboards,
  ...globSync(join('charts', '*', 'files', 'crds'), { cwd: root }),
  referenceFolder,
];
const check = process.argv.includes('--check');

const apiFiles = [...crdFiles(), ...protoFiles(), protoModule()].map(
  ([path, text]) => [join('api', 'generated', path), text] as const,
);
const dashboardJSON = dashboardFiles()
  .entries()
  .map(([name, text]) => [join(dashboards, name), text] as const);
const generated = new Map<string, string>([...apiFiles, ...chartFiles(root), ...dashboardJSON]);
if (!check) {
  for (const folder of ownFolders) rmSync(join(root, folder), { recursive: true, force: true });
  write(generated);
}
// Only now: the command lines are loaded with the types.
const pages = await referencePages(root);
if (!check) write(pages);
else {
  const stale = differences(new Map([...generated, ...pages]));
  if (stale.length > 0) {
    console.error(`Not current: ${stale.join(', ')}\nRun: node tools/generate/main.ts`);
    process.exit(1);
  }
}

function write(files: ReadonlyMap<string, string>): void {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

function* crdFiles(): Generator<[string, string]> {
  const definitions: CustomResourceDefinition[] = [];
  for (const file of readdirSync(join(root, 'crds')).filter((name) => name.endsWith('.yaml'))) {
    const definition = parse(readFileSync(join(root, 'crds', file), 'utf8')) as CustomResourceDefinition;
    const kebab = definition.spec.names.kind.replaceAll(/(?<!^)([A-Z])/g, '-$1').toLowerCase();
    definitions.push(definition);
    yield [`${kebab}.ts`, generateKind(definition)];
  }
  yield ['schema-fields.ts', generateSchemaFields(definitions)];
}

/** proto-loader's generator with the options of api/protos.ts: what it declares is what the loader makes at run time. */
function* protoFiles(): Generator<[string, string]> {
  const folder = mkdtempSync(join(tmpdir(), 'isochrone-generate-'));
  try {
    const protos = listFiles(join(root, 'proto')).filter((path) => path.endsWith('.proto'));
    const command = join(root, 'node_modules', '.bin', 'proto-loader-gen-types');
    const options = ['--longs=Number', '--enums=String', '--defaults', '--oneofs', '--grpcLib=@grpc/grpc-js'];
    const extensions = ['--importFileExtension=.ts'];
    const args = [...options, ...extensions, `--includeDirs=${join(root, 'proto')}`, `--outDir=${folder}`, ...protos];
    execFileSync(process.execPath, [command, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    for (const path of listFiles(folder))
      yield [join('proto', relative(folder, path)), readFileSync(path, 'utf8').replaceAll(`${root}/`, '')];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What api/protos.ts loads: the contracts as data, because .proto files do not travel with code that is bundled. */
function protoModule(): [string, string] {
  const protos = new protobuf.Root();
  protos.resolvePath = (origin, path) => (origin === '' ? path : join(root, 'proto', path));
  protos.loadSync(listFiles(join(root, 'proto')).filter((path) => path.endsWith('.proto'))).resolveAll();
  return ['protos.json', `${JSON.stringify(protos.toJSON(), undefined, 2)}\n`];
}

function differences(expected: ReadonlyMap<string, string>): string[] {
  const folders = ownFolders.map((folder) => join(root, folder)).filter((folder) => existsSync(folder));
  const present = folders.flatMap(listFiles).map((path) => relative(root, path));
  return [...new Set([...expected.keys(), ...present])].filter((path) => {
    const file = join(root, path);
    return !existsSync(file) || expected.get(path) !== readFileSync(file, 'utf8');
  });
}

function listFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
