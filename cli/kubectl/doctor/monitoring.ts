import { gunzipSync } from 'node:zlib';
import type { Secret } from '@isochrone/kube';
import { finding, type Finding } from './findings.ts';
import type { Snapshot } from './snapshot.ts';

const monitoringKinds = { ServiceMonitor: 'servicemonitors', PrometheusRule: 'prometheusrules' } as const;

/** Only a release that asks for it needs the Prometheus Operator. */
export function checkMonitoring({ crds, secrets, unreachable, forbidden }: Snapshot): Finding[] {
  if (unreachable !== undefined || forbidden.includes('customresourcedefinitions')) return [];
  const served = new Set(crds.map(({ spec }) => spec.names.plural));
  return secrets.flatMap((secret) => {
    const release = releaseOf(secret);
    if (release === undefined) return [];
    return Object.entries(monitoringKinds)
      .filter(([kind, plural]) => new RegExp(`^kind: ${kind}$`, 'm').test(release.manifest) && !served.has(plural))
      .map(([kind, plural]) => {
        const message = `it has a ${kind}, and there is no ${plural}.monitoring.coreos.com`;
        return finding('NoPrometheusOperator', `release ${release.namespace}/${release.name}`, message);
      });
  });
}

interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly manifest: string;
}

/** What Helm keeps of a release of ours that is installed now: JSON, in gzip, in base64, in a Secret. */
function releaseOf({ type, data, metadata }: Secret): Release | undefined {
  if (type !== 'helm.sh/release.v1' || metadata.labels?.['status'] !== 'deployed') return undefined;
  try {
    const inner = Buffer.from(data?.['release'] ?? '', 'base64').toString('latin1');
    const text = gunzipSync(Buffer.from(inner, 'base64')).toString('utf8');
    const release = JSON.parse(text) as Release & { chart?: { metadata?: { name?: string } } };
    return release.chart?.metadata?.name?.startsWith('isochrone') === true ? release : undefined;
  } catch {
    // Of a Helm that keeps it otherwise: what it asked for is not known.
    return undefined;
  }
}
