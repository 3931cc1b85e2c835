import { execFile } from 'node:child_process';
import { cp, glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const library = join(root, 'kube');

interface PackageJson {
  readonly private: true;
  readonly exports: Readonly<Record<string, string>>;
}

/**
 * Packs `@isochrone/kube` as npm takes it. Node strips no types under node_modules, so that what is published is JavaScript
 * with declarations; in this repository the TypeScript itself runs.
 *
 * @returns path of the archive
 */
export async function packKube(output: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'isochrone-kube-'));
  try {
    const packageJson = JSON.parse(await readFile(join(library, 'package.json'), 'utf8')) as PackageJson;
    const sources = Object.values(packageJson.exports).map((path) => join(library, path));
    await compile(sources, folder);
    const { private: _, ...published } = packageJson;
    const entries = Object.entries(packageJson.exports).map(([name, path]) => {
      const base = path.replace(/\.ts$/, '');
      return [name, { types: `${base}.d.ts`, default: `${base}.js` }];
    });
    const exports: unknown = Object.fromEntries(entries);
    await writeFile(join(folder, 'package.json'), JSON.stringify({ ...published, exports }, null, 2));
    await cp(join(library, 'README.md'), join(folder, 'README.md'));
    await cp(join(root, 'LICENSE'), join(folder, 'LICENSE'));
    await mkdir(output, { recursive: true });
    const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', output], { cwd: folder });
    return join(output, stdout.trim());
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compile(files: readonly string[], folder: string): Promise<void> {
  const configuration = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      rootDir: library,
      outDir: folder,
      typeRoots: [join(root, 'node_modules', '@types')],
    },
    files,
    include: [],
  };
  const project = join(folder, 'tsconfig.json');
  await writeFile(project, JSON.stringify(configuration));
  await run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '--project', project]);
  await rm(project);
  // The compiler rewrites the imports of what runs, and not those of declarations.
  for await (const file of glob('*.d.ts', { cwd: folder })) {
    const path = join(folder, file);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replaceAll(/(from ['"]\.\/[\w-]+)\.ts(['"])/g, '$1.js$2'));
  }
}
