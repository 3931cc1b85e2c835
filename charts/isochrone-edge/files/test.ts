// helm test: the programs are ready, and the kinds of the chart are served.
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';

const failures: string[] = [];
const inUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host);

async function checkReady(program: string, address: string, port: number, logs: string): Promise<void> {
  const url = `http://${inUrl(address)}:${port}/readyz`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    console.log(`${program} ${address}: ${response.status}\n${text}`);
    if (!response.ok) failures.push(`${program} ${address} is not ready: ${text}`);
  } catch (error) {
    const reason = String((error as Error).cause ?? error);
    failures.push(`${url}: ${reason}; see kubectl -n isochrone-system logs ${logs}`);
  }
}

/** The Service without an address lists the Pods that are ready. */
async function checkAgents(): Promise<void> {
  const agents = await lookup('isochrone-agent', { all: true }).catch(() => []);
  const pods = '-l app.kubernetes.io/component=agent';
  if (agents.length === 0) failures.push(`no agent is ready; see kubectl -n isochrone-system get pods ${pods}`);
  for (const { address } of agents) {
    await checkReady('agent', address, 8081, `${pods} -c agent`);
    await checkReady('verifier', address, 8082, `${pods} -c verifier`);
  }
}

async function checkKinds(): Promise<void> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = process.env;
  const token = readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token', 'utf8');
  const url = `https://${inUrl(host)}:${port}/apis/isochrone.dev/v1alpha1`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  const served = response.ok ? ((await response.json()) as { resources: { kind: string }[] }).resources : [];
  for (const kind of ['InferenceNode', 'InferenceTask']) {
    if (served.some((resource) => resource.kind === kind)) continue;
    failures.push(`${kind} is not served (status ${response.status}); set crds.install=true and upgrade`);
  }
}

await checkReady('edge operator', 'isochrone-edge', 8080, 'deployment/isochrone-edge');
if (process.env['AGENTS'] === 'true') await checkAgents();
await checkKinds();
for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;
