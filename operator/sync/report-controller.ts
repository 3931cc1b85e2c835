import { isDeepStrictEqual } from 'node:util';
import { nodeLease, nodeReportResource } from '@isochrone/api';
import { Controller, done, formatTime, requeueAfter, type ReconcileResult } from '@isochrone/kube';
import { controllerDefaults } from '../controller-defaults.ts';
import { liveness, observe, type Contact } from '../lease-tracker.ts';
import type { SyncDeps } from './deps.ts';
import { observation, removed, type Observation } from './report.ts';

/** A Lease of an agent that names no term gets this one. */
const defaultTermSeconds = 40;

/** Tells the hub of the member's nodes. Its key is the name of a node. */
export class ReportSync {
  readonly #deps: SyncDeps;
  readonly #agents = new Map<string, Contact>();
  /** What the hub was told last; an edge may not read its reports back as a list. */
  readonly #sent = new Map<string, { observation: Observation; at: number }>();
  readonly #controller: Controller;

  constructor(deps: SyncDeps) {
    this.#deps = deps;
    const { memberNodes, memberLeases, logger, metrics, clock } = deps;
    const prefix = nodeLease('');
    memberLeases.onChange(({ key, ...change }) => {
      const name = key.split('/')[1] ?? '';
      if (!name.startsWith(prefix)) return;
      const node = name.slice(prefix.length);
      if (change.type === 'Deleted') {
        this.#agents.delete(node);
        return;
      }
      const { renewTime, leaseDurationSeconds = defaultTermSeconds } = change.current.spec ?? {};
      const term = leaseDurationSeconds * 1000;
      this.#agents.set(node, observe(this.#agents.get(node), renewTime, clock.monotonic(), term));
    });
    this.#controller = new Controller({
      ...controllerDefaults,
      name: 'report-sync',
      concurrency: 4,
      logger,
      metrics,
      clock,
      reconcile: (node) => this.#reconcile(node),
    })
      .watches(memberNodes, ({ metadata }) => [metadata.name])
      .watches(memberLeases, (_, key) => {
        const name = key.split('/')[1] ?? '';
        return name.startsWith(prefix) ? [name.slice(prefix.length)] : [];
      });
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#controller.run(signal);
  }

  async #reconcile(name: string): Promise<ReconcileResult> {
    const { memberNodes, memberNamespace, clock, reportSeconds } = this.#deps;
    const node = memberNodes.get(`${memberNamespace}/${name}`);
    const last = this.#sent.get(name);
    if (node === undefined) {
      if (last === undefined) return done;
      await this.#send(name, removed(last.observation));
      this.#sent.delete(name);
      return done;
    }
    const now = clock.monotonic();
    const agent = this.#agents.get(name);
    const current = observation(node, agent === undefined ? 'NeverSeen' : liveness(agent, now));
    const isDue = last === undefined || now - last.at >= reportSeconds * 1000;
    if (isDue || !isDeepStrictEqual(current, last.observation)) {
      await this.#send(name, current);
      this.#sent.set(name, { observation: current, at: now });
    }
    const sentAt = this.#sent.get(name)?.at ?? now;
    const waits = [sentAt + reportSeconds * 1000 - now, ...(agent === undefined ? [] : [agent.until - now])];
    return requeueAfter(Math.max(10, Math.min(...waits.filter((wait) => wait > 0))));
  }

  async #send(name: string, spec: Observation): Promise<void> {
    const { hub, hubNamespace, clock, syncMetrics } = this.#deps;
    const metadata = { name, namespace: hubNamespace };
    const observedTime = formatTime(clock.now());
    await hub.apply(nodeReportResource, { metadata, spec: { ...spec, observedTime } }, { force: true });
    syncMetrics.reports.inc();
  }
}
