import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SYSTEM_NAMESPACE } from '@isochrone/api';
import { parseAllDocuments } from 'yaml';
import { ToolError } from '../errors.ts';
import { eventually } from '../local/eventually.ts';
import { ensureCluster, existingClusters, kubeconfigOf, loadImages, serverOf } from './clusters.ts';
import type { Run } from './run.ts';
import { hub, members, type KindMember } from './topology.ts';
import { hubValues, memberValues, memberWorkloads } from './values.ts';

const repository = join(import.meta.dirname, '..', '..');
export const examples = join(repository, 'examples', 'ocr');

export interface FederationOptions {
  readonly run: Run;
  /** Of the kubeconfigs. */
  readonly folder: string;
  /** Of the images. */
  readonly tag: string;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly providerRef?: { readonly name: string } };
}

/** A hub and its members on clusters of kind, as a user installs them. Each step may be done again. */
export class KindFederation {
  readonly #options: FederationOptions;

  constructor(options: FederationOptions) {
    this.#options = options;
  }

  /** @param image of the nodes; default: that of the installed kind */
  async ensureClusters(image: string | undefined): Promise<void> {
    const { run, folder, log } = this.#options;
    const existing = await existingClusters(run);
    for (const member of members) {
      const exists = existing.includes(member);
      log(`${exists ? 'there is' : 'creating'} cluster ${member.cluster}`);
      await ensureCluster(run, member, { exists, folder, image });
    }
  }

  /** @throws ToolError BinaryUnavailable when `make kind` was not run before */
  async assertClusters(): Promise<void> {
    const { run, folder } = this.#options;
    const existing = await existingClusters(run);
    const missing = members.filter((member) => !existing.includes(member)).map(({ cluster }) => cluster);
    if (missing.length > 0)
      throw new ToolError('BinaryUnavailable', `there is no cluster ${missing.join(', ')}; run make kind first`);
    for (const member of members) await ensureCluster(run, member, { exists: true, folder });
  }

  async load(archives: readonly string[]): Promise<void> {
    for (const member of members) {
      this.#options.log(`loading images into ${member.cluster}`);
      await loadImages(this.#options.run, member, archives);
    }
  }

  /** Installs the hub, or upgrades it. */
  async installHub(): Promise<void> {
    const { run, tag, log } = this.#options;
    log('installing charts/isochrone on the hub');
    await this.apply([namespace(SYSTEM_NAMESPACE, { 'pod-security.kubernetes.io/enforce': 'restricted' })]);
    const server = await serverOf(run, hub);
    await this.#helm(hub, 'isochrone', hubValues(tag, server));
    const [providers, clusters] = await Promise.all([documents('providers.yaml'), documents('edgeclusters.yaml')]);
    await this.apply(describedMembers(providers, clusters));
  }

  /** Installs the charts of a member and joins it by a token; a member that has joined is upgraded. */
  async installMember(member: KindMember): Promise<void> {
    const { tag, log, signal } = this.#options;
    const { name } = member;
    await this.apply([namespace(SYSTEM_NAMESPACE, { 'pod-security.kubernetes.io/enforce': 'restricted' })], member);
    const secret = ['get', 'secret', 'isochrone-hub', '-n', SYSTEM_NAMESPACE, '--ignore-not-found', '-o', 'name'];
    const hasJoined = (await this.kubectl(secret, { member })).trim() !== '';
    log(`${hasJoined ? 'upgrading' : 'joining'} ${name} with charts/isochrone-edge`);
    const token = hasJoined ? undefined : await this.#createToken(name);
    const values = memberValues(member, { tag, onHub: member === hub, ...(token !== undefined && { token }) });
    await this.#helm(member, 'isochrone-edge', values, hasJoined);
    if (!hasJoined) {
      const accepted = async (): Promise<true> => {
        await this.plugin(['edge', 'accept', name]);
        return true;
      };
      await eventually(accepted, { timeout: 300_000, interval: 5000, describe: `${name} is accepted`, signal });
    }
    await this.kubectl(['wait', '--for=condition=Ready', `edgecluster/${name}`, '--timeout=5m']);
    for (const workload of memberWorkloads)
      await this.kubectl(['rollout', 'status', workload, '-n', SYSTEM_NAMESPACE, '--timeout=5m'], { member });
  }

  /** For the address that members reach: that of the kubeconfig is this machine's own. */
  async #createToken(name: string): Promise<string> {
    const server = await serverOf(this.#options.run, hub);
    return (await this.plugin(['edge', 'token', 'create', name, '--server', server])).trim();
  }

  /** The tests that the charts bring. */
  async test(): Promise<void> {
    await this.#options.run('helm', ['test', 'isochrone', ...this.#release(hub)]);
    for (const member of members) await this.#options.run('helm', ['test', 'isochrone-edge', ...this.#release(member)]);
  }

  async apply(objects: readonly object[], member = hub): Promise<void> {
    const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
    await this.kubectl(['apply', '-f', '-'], { member, input });
  }

  kubectl(
    args: readonly string[],
    { member = hub, input }: { member?: KindMember; input?: string } = {},
  ): Promise<string> {
    const { run, folder } = this.#options;
    return run('kubectl', ['--kubeconfig', kubeconfigOf(folder, member), ...args], input);
  }

  /** `kubectl isochrone` of this checkout, on the hub. */
  plugin(args: readonly string[]): Promise<string> {
    const { run, folder } = this.#options;
    const program = join(repository, 'cli', 'kubectl-isochrone.ts');
    return run(process.execPath, [program, ...args, '--kubeconfig', kubeconfigOf(folder, hub)]);
  }

  /** Values by standard input: a token is nobody's business who lists processes. */
  async #helm(member: KindMember, chart: 'isochrone' | 'isochrone-edge', values: object, wait = true): Promise<void> {
    // A member's Pods become ready only when it is accepted.
    const how = ['--values', '-', ...(wait ? ['--wait', '--timeout', '10m'] : [])];
    const args = ['upgrade', '--install', chart, join(repository, 'charts', chart), ...this.#release(member), ...how];
    await this.#options.run('helm', args, JSON.stringify(values));
  }

  #release(member: KindMember): string[] {
    return ['--namespace', SYSTEM_NAMESPACE, '--kubeconfig', kubeconfigOf(this.#options.folder, member)];
  }
}

export function namespace(name: string, labels: Readonly<Record<string, string>> = {}): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

/** @returns of the example, the members that there are clusters for, after who is paid for them */
export function describedMembers(
  providers: readonly KubernetesObject[],
  clusters: readonly KubernetesObject[],
): KubernetesObject[] {
  const ours = clusters.filter(({ metadata }) => members.some(({ name }) => name === metadata.name));
  const paid = new Set(ours.map(({ spec }) => spec?.providerRef?.name));
  return [...providers.filter(({ metadata }) => paid.has(metadata.name)), ...ours];
}

export async function documents(file: string): Promise<KubernetesObject[]> {
  const text = await readFile(join(examples, file), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
}
