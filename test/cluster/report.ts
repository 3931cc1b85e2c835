import { SYSTEM_NAMESPACE } from '@isochrone/api';
import type { Cluster } from '@isochrone/tools/cluster';
import type { Installation } from './installation.ts';

const linesOfEach = 15;

/** What a person asks when a job does not end: its status, the tasks on every cluster, and the last words of the programs. */
export async function report(installation: Installation, namespace: string, job: string): Promise<string> {
  const parts = [told(installation.hub, 'get', 'inferencejob', job, '-n', namespace, '-o', 'yaml')];
  for (const cluster of new Set([installation.hub, ...installation.members.values()])) {
    parts.push(
      told(cluster, 'get', 'inferencetasks', '-A', '-o', 'yaml'),
      told(cluster, 'get', 'pods', '-n', SYSTEM_NAMESPACE, '-o', 'wide'),
      told(
        cluster,
        ...['logs', '-n', SYSTEM_NAMESPACE, '-l', 'app.kubernetes.io/component', '--all-containers', '--prefix'],
        `--tail=${linesOfEach}`,
      ),
    );
  }
  return (await Promise.all(parts)).join('\n');
}

/** That one question has no answer is no reason to keep back the others. */
async function told(cluster: Cluster, ...args: string[]): Promise<string> {
  const answer = await cluster.kubectl(args).catch((error: unknown) => String(error));
  return `--- ${cluster.name}: kubectl ${args.join(' ')}\n${answer}`;
}
