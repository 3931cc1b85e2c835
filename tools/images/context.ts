import { createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './command.ts';

/** What images are built from, by .dockerignore, and how they are built; relative to the root of the repository. */
async function contextPaths(root: string): Promise<string[]> {
  const ignore = await readFile(join(root, '.dockerignore'), 'utf8');
  const taken = ignore.split('\n').flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
  return ['.dockerignore', 'images', ...taken];
}

/**
 * Stands for everything that images are built from. It covers tests too, which are not in images: a build too many is
 * harmless, and .dockerignore is understood by the builder alone.
 */
export async function contextKey(root: string, buildArguments: Readonly<Record<string, string>>): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(buildArguments));
  for (const path of (await contextPaths(root)).toSorted()) {
    for (const file of await filesUnder(root, path)) {
      const bytes = await readFile(join(root, file));
      hash.update(`\n${file} ${bytes.length}\n`).update(bytes);
    }
  }
  return hash.digest('hex').slice(0, 16);
}

async function filesUnder(root: string, path: string): Promise<string[]> {
  if (!(await stat(join(root, path))).isDirectory()) return [path];
  const entries = await readdir(join(root, path), { withFileTypes: true });
  const below = entries
    .filter(({ name }) => name !== 'node_modules')
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(async (entry) => {
      const file = join(path, entry.name);
      return entry.isDirectory() ? filesUnder(root, file) : [file];
    });
  return (await Promise.all(below)).flat();
}

/** For the labels. The revision is that of the last change to what images are built from, so that others rebuild nothing. */
export async function labelArguments(root: string): Promise<Record<string, string>> {
  const paths = await contextPaths(root);
  const git = (...args: string[]): Promise<string> =>
    command('git', args, { cwd: root }).then(
      (output) => output.trim(),
      () => '', // sources without their history
    );
  const revision = await git('log', '-1', '--format=%H', '--', ...paths);
  const changed = await git('status', '--porcelain', '--', ...paths);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    VERSION: version,
    REVISION: revision === '' ? 'unknown' : `${revision}${changed === '' ? '' : '-dirty'}`,
    SOURCE: publicAddress(await git('remote', 'get-url', 'origin')),
  };
}

/** Where anyone can look the sources up: an address of the web, without the credential that it may hold. */
export function publicAddress(remote: string): string {
  if (!remote.startsWith('https://')) return 'unknown';
  const url = new URL(remote);
  return `https://${url.host}${url.pathname.replace(/\.git$/, '')}`;
}
