import type { Cluster } from '@isochrone/tools/cluster';
import { eventually } from '@isochrone/tools/local';

/** Node.js as it runs here, and nothing else. */
export const nodeImage = 'registry.local/node:1';

export interface PodOptions {
  readonly name: string;
  /** JavaScript that it runs. */
  readonly code: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
  /** A PersistentVolumeClaim, at /data. */
  readonly claim?: string;
}

/** A Pod that Pod Security "restricted" lets in. */
export function pod({ name, code, labels = {}, limits, claim }: PodOptions): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, fsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'main',
          image: nodeImage,
          args: ['--input-type=module', '--eval', code],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          ...(limits && { resources: { limits } }),
          ...(claim !== undefined && { volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
        },
      ],
      ...(claim !== undefined && { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }] }),
    },
  };
}

export async function apply(cluster: Cluster, ...objects: readonly object[]): Promise<void> {
  await cluster.kubectl(['apply', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n'));
}

/** Runs code in a Pod to its end. @returns what it wrote; that it failed is an error */
export async function runPod(cluster: Cluster, options: PodOptions): Promise<string> {
  await apply(cluster, pod(options));
  await eventually(
    async () => {
      const phase = await cluster.kubectl(['get', 'pod', options.name, '-o', 'jsonpath={.status.phase}']);
      return phase === 'Succeeded' || phase === 'Failed';
    },
    { timeout: 60_000, interval: 250, describe: `Pod ${options.name} ends` },
  );
  const output = await cluster.kubectl(['logs', options.name]);
  const phase = await cluster.kubectl(['get', 'pod', options.name, '-o', 'jsonpath={.status.phase}']);
  if (phase === 'Failed') throw new Error(`Pod ${options.name} failed: ${output}`);
  return output.trim();
}

/** A request that says what came of it. */
export const fetchCode = (url: string): string =>
  `console.log(await fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(5000) }).then((r) => r.text()));`;
