// helm test: the programs are ready, and the kinds of the chart are served.
import { readFileSync } from 'node:fs';

const kinds = 'EdgeCluster Provider InferenceModel InferenceJob InferenceNode InferenceTask NodeReport';
const failures: string[] = [];

async function checkReady(program: string): Promise<void> {
  const url = `http://isochrone-${program}:8080/readyz`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    console.log(`${program}: ${response.status}\n${text}`);
    if (!response.ok) failures.push(`${program} is not ready: ${text}`);
  } catch (error) {
    const reason = String((error as Error).cause ?? error);
    failures.push(`${url}: ${reason}; see kubectl -n isochrone-system logs deployment/isochrone-${program}`);
  }
}

async function checkKinds(): Promise<void> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = process.env;
  const token = readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token', 'utf8');
  const url = `https://${host.includes(':') ? `[${host}]` : host}:${port}/apis/isochrone.dev/v1alpha1`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  const served = response.ok ? ((await response.json()) as { resources: { kind: string }[] }).resources : [];
  for (const kind of kinds.split(' ')) {
    if (served.some((resource) => resource.kind === kind)) continue;
    failures.push(`${kind} is not served (status ${response.status}); set crds.install=true and upgrade`);
  }
}

await Promise.all([checkReady('operator'), checkReady('scheduler'), checkKinds()]);
for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;
