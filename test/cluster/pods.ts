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
      // With 0 the API server would not wait for kubelet, which may still hold what the Pod has, such as a GPU.
      terminationGracePeriodSeconds: 1,
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

/** Runs code in a Pod to its end. @returns what it wrote; that it failed is an error, which says why */
export async function runPod(cluster: Cluster, options: PodOptions): Promise<string> {
  await apply(cluster, pod(options));
  const { phase, reason, message, containerStatuses } = await eventually(
    async () => {
      const { status } = JSON.parse(await cluster.kubectl(['get', 'pod', options.name, '-o', 'json'])) as EndedPod;
      return (status.phase === 'Succeeded' || status.phase === 'Failed') && status;
    },
    { timeout: 60_000, interval: 250, describe: `Pod ${options.name} ends` },
  );
  // A Pod that kubelet did not admit has no container, and so no log.
  const output = containerStatuses === undefined ? '' : await cluster.kubectl(['logs', options.name]);
  if (phase === 'Failed')
    throw new Error(`Pod ${options.name} failed: ${[reason, message, output].filter(Boolean).join(': ')}`);
  return output.trim();
}

interface EndedPod {
  readonly status: {
    readonly phase: string;
    readonly reason?: string;
    readonly message?: string;
    readonly containerStatuses?: readonly unknown[];
  };
}

/** A request that says what came of it. */
export const fetchCode = (url: string): string =>
  `console.log(await fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(5000) }).then((r) => r.text()));`;
