import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ensureBinaries, ToolError, type BinaryName } from '@isochrone/tools/local';
import { parseAllDocuments, stringify } from 'yaml';
import type { KubeObject } from '@isochrone/kube';

export type Chart = 'isochrone' | 'isochrone-edge';
export type Values = Readonly<Record<string, unknown>>;

/** What a chart renders; the fields that tests look at are theirs to name. */
export interface Rendered extends KubeObject {
  readonly spec?: Record<string, unknown>;
  readonly data?: Record<string, string>;
}

export const chartFolder = (chart: Chart): string => join(import.meta.dirname, '..', '..', 'charts', chart);

/** Helm knows a release by its namespace and name; the namespace is the one that the programs look for each other in. */
const namespace = ['--namespace', 'isochrone-system'];

/** What a cluster has that the Prometheus Operator and cert-manager were installed in. */
export const otherApis = [
  'monitoring.coreos.com/v1/ServiceMonitor',
  'monitoring.coreos.com/v1/PrometheusRule',
  'cert-manager.io/v1/Certificate',
].flatMap((api) => ['--api-versions', api]);

/** Runs a program and returns its standard output. @throws ToolError CommandFailed with all that it said */
export async function run(name: BinaryName, args: readonly string[], input = ''): Promise<string> {
  const [binary] = await ensureBinaries([name]);
  const child = spawn(binary!.path, args);
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(input);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (child.exitCode === 0) return output;
  throw new ToolError('CommandFailed', `${name} ${args.join(' ')}\n${errors}${output}`.trimEnd());
}

/** Runs Helm, with the values, if there are any, as a file of its own would give them. */
export async function helm([verb = '', ...args]: readonly string[], values?: Values): Promise<string> {
  if (values === undefined) return run('helm', [verb, ...namespace, ...args]);
  return run('helm', [verb, ...namespace, '--values', '-', ...args], stringify(values));
}

/** What the chart makes of the values without a cluster. */
export async function render(chart: Chart, values: Values, flags: readonly string[] = otherApis): Promise<Rendered[]> {
  return objectsOf(await helm(['template', chart, chartFolder(chart), ...flags], values));
}

export function objectsOf(manifest: string): Rendered[] {
  return parseAllDocuments(manifest)
    .map((document) => {
      if (document.errors[0] !== undefined) throw document.errors[0];
      return document.toJS() as Rendered | null;
    })
    .filter((object) => object !== null);
}

interface Workload {
  readonly template: { readonly metadata: object; readonly spec: { readonly volumes?: readonly object[] } };
  readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
}

/** Every Pod that the objects make, as an object of its own. */
export function podsOf(objects: readonly Rendered[]): Rendered[] {
  return objects.flatMap((object) => {
    if (object.kind === 'Pod') return [object];
    if (!['Deployment', 'DaemonSet', 'StatefulSet'].includes(object.kind!)) return [];
    const { template, volumeClaimTemplates: claims = [] } = object.spec as unknown as Workload;
    const { name, namespace } = object.metadata;
    // What the controller of a StatefulSet adds.
    const volumes = claims.map(({ metadata }) => ({
      name: metadata.name,
      persistentVolumeClaim: { claimName: `${metadata.name}-${name}-0` },
    }));
    const spec = { ...template.spec, volumes: [...(template.spec.volumes ?? []), ...volumes] };
    return [{ apiVersion: 'v1', kind: 'Pod', metadata: { ...template.metadata, name, namespace }, spec }] as Rendered[];
  });
}

/** By kind and name; fails where there is none. */
export function find(objects: readonly Rendered[], kind: string, name: string): Rendered {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
}
