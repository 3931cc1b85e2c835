import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '@isochrone/tools/cluster';
import { ensureBinaries, kubectlCache } from '@isochrone/tools/local';
import { commandsIn, repository } from '../cli/documented-commands.ts';
import { shell } from '../cli/shell.ts';

/** Somebody who reads a page of docs/ and types what it says, at a shell that has kubectl, the plug-in, isochrone and Helm. */
export class Reader {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param folder where it works: files that its commands write are there, and the charts */
  static async at(folder: string): Promise<Reader> {
    const bin = join(folder, 'bin');
    await mkdir(bin);
    await symlink(join(repository, 'charts'), join(folder, 'charts'));
    for (const { name, path } of await ensureBinaries(['kubectl', 'helm'])) await symlink(path, join(bin, name));
    for (const program of ['isochrone', 'kubectl-isochrone']) {
      const command = `exec '${process.execPath}' '${join(repository, 'cli', `${program}.ts`)}' "$@"`;
      await writeFile(join(bin, program), `#!/bin/sh\n${command}\n`, { mode: 0o755 });
    }
    return new Reader(folder);
  }

  /**
   * Types the commands below a heading of a page, one after the other, as an administrator of the cluster.
   * @param edited what this reader changes in them, who has other names
   */
  async follow(
    cluster: Cluster,
    page: string,
    heading: string,
    edited = (line: string): string => line,
  ): Promise<void> {
    const commands = commandsIn(await sectionOf(page, heading));
    assert.ok(commands.length > 0, `${page} has no commands below ${heading}`);
    for (const { command } of commands) await this.type(cluster, edited(command));
  }

  /** @returns what it printed. It must succeed. */
  async type(cluster: Cluster, command: string): Promise<string> {
    const helm = join(this.#folder, `helm-${cluster.name}`);
    const { status, stdout, stderr } = await shell(`set -o pipefail; ${command}`, {
      cwd: this.#folder,
      env: {
        PATH: `${join(this.#folder, 'bin')}:${process.env['PATH'] ?? ''}`,
        KUBECONFIG: cluster.adminKubeconfig,
        KUBECACHEDIR: kubectlCache(cluster.adminKubeconfig),
        ...{ HELM_CACHE_HOME: helm, HELM_CONFIG_HOME: helm, HELM_DATA_HOME: helm },
      },
      timeoutMilliseconds: 180_000,
    });
    assert.equal(status, 0, `${command} on ${cluster.name}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Writes a file that the page shows, which begins with its name in a comment. */
  async copy(page: string, heading: string, name: string, edited = (text: string): string => text): Promise<void> {
    const text = new RegExp(`^\`\`\`\\w+\\n(# ${name}\\n.*?)^\`\`\``, 'ms').exec(await sectionOf(page, heading))?.[1];
    assert.ok(text !== undefined, `${page} shows no ${name} below ${heading}`);
    await writeFile(join(this.#folder, name), edited(text));
  }
}

/** What is below a heading, to the next one of any level. */
async function sectionOf(page: string, heading: string): Promise<string> {
  const text = await readFile(join(repository, page), 'utf8');
  const start = text.indexOf(`\n${heading}\n`);
  assert.ok(start >= 0, `${page} has no heading "${heading}"`);
  const body = text.slice(start + heading.length + 2);
  return /^(.*?)(?=^#{2,} |$(?![\s\S]))/ms.exec(body)![1]!;
}
