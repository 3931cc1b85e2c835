import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Unpacks a commit into a folder below `parent`: the one that is asked for, or the newest whose charts differ from those that
 * lie in the repository.
 * @returns its folder; the reason when there is no such commit, as in a shallow clone
 */
export async function earlierSources(
  repository: string,
  parent: string,
  wanted: string | undefined,
): Promise<{ readonly folder: string; readonly commit: string } | string> {
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', args, { cwd: repository, maxBuffer: 2 ** 26 })).stdout.trim();
  const unpacked = async (commit: string): Promise<{ folder: string; commit: string }> => {
    const folder = join(parent, 'earlier');
    await mkdir(folder);
    await run('sh', ['-c', 'git archive "$0" | tar -x -C "$1"', commit, folder], { cwd: repository });
    return { folder, commit };
  };
  if (wanted !== undefined) return unpacked(await git('rev-parse', '--verify', `${wanted}^{commit}`));
  const history = await git('log', '--format=%H', '--', 'charts').catch(() => undefined);
  if (history === undefined) return 'these sources have no history';
  for (const commit of history.split('\n').filter(Boolean)) {
    const hasCharts = await git('cat-file', '-e', `${commit}:charts/isochrone-edge/Chart.yaml`).then(
      () => true,
      () => false, // before there were charts
    );
    const changes = await git('status', '--porcelain', '--', 'charts');
    const differs = changes + (await git('diff', '--name-only', commit, 'HEAD', '--', 'charts'));
    if (hasCharts && differs !== '') return unpacked(commit);
  }
  const shallow = (await git('rev-parse', '--is-shallow-repository')) === 'true';
  return shallow ? 'this clone is shallow: fetch its history' : 'no earlier commit has other charts';
}
