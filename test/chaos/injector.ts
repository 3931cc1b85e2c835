import type { ControlPlane } from '@isochrone/tools/local';
import type { Federation } from '@isochrone/cli/demo';
import { startTcpRelay, type TcpRelay } from '../harness/tcp-relay.ts';
import type { History } from './history.ts';
import { describeFault, type Fault } from './schedule.ts';

/** Relays between members and the hub; give `hubAddress` to the federation. */
export class HubRelays implements Disposable {
  readonly #relays = new Map<string, TcpRelay>();

  readonly hubAddress = async (cluster: string, hub: ControlPlane): Promise<string> => {
    const { hostname, port } = new URL(hub.server);
    const relay = this.#relays.get(cluster) ?? (await startTcpRelay({ host: hostname, port: Number(port) }));
    this.#relays.set(cluster, relay);
    return `https://127.0.0.1:${relay.port}`;
  };

  /** @throws RangeError for a member that did not join through a relay */
  of(cluster: string): TcpRelay {
    const relay = this.#relays.get(cluster);
    if (relay === undefined)
      throw new RangeError(`no relay for ${cluster}; there are: ${[...this.#relays.keys()].join()}`);
    return relay;
  }

  [Symbol.dispose](): void {
    for (const relay of this.#relays.values()) relay.close();
  }
}

/** Does faults to a federation, heals them, and writes down both. */
export class Injector {
  readonly #federation: Federation;
  readonly #relays: HubRelays;
  readonly #history: History;

  constructor(federation: Federation, relays: HubRelays, history: History) {
    this.#federation = federation;
    this.#relays = relays;
    this.#history = history;
  }

  async inject(fault: Fault): Promise<void> {
    const { programs } = this.#federation;
    this.#history.add({ kind: 'Fault', fault: describeFault(fault), phase: 'Injected' });
    switch (fault.type) {
      case 'Kill':
        await programs.kill9(fault.program);
        await programs.start(fault.program);
        return;
      case 'Freeze':
        programs.signal(fault.program, 'SIGSTOP');
        return;
      case 'Down':
        await Promise.all(fault.clusters.map((cluster) => this.#plane(cluster).kill9('kube-apiserver')));
        return;
      case 'Hang':
        this.#plane(fault.cluster).signal('kube-apiserver', 'SIGSTOP');
        return;
      case 'Partition':
        this.#relays.of(fault.member).blackhole(fault.ways);
        return;
    }
  }

  async heal(fault: Fault): Promise<void> {
    const { programs } = this.#federation;
    switch (fault.type) {
      case 'Kill':
        return;
      case 'Freeze':
        programs.signal(fault.program, 'SIGCONT');
        break;
      case 'Down':
        await Promise.all(fault.clusters.map((cluster) => this.#plane(cluster).start('kube-apiserver')));
        break;
      case 'Hang':
        this.#plane(fault.cluster).signal('kube-apiserver', 'SIGCONT');
        break;
      case 'Partition':
        this.#relays.of(fault.member).mend();
        break;
    }
    this.#history.add({ kind: 'Fault', fault: describeFault(fault), phase: 'Healed' });
  }

  /** Starts what has ended by itself, as a supervisor would. */
  async revive(): Promise<string[]> {
    const { programs } = this.#federation;
    const ended = programs.names.filter((name) => !programs.isRunning(name));
    for (const name of ended) {
      this.#history.add({ kind: 'Fault', fault: `${name} had ended by itself`, phase: 'Healed' });
      await programs.start(name);
    }
    return ended;
  }

  #plane(cluster: string): ControlPlane {
    return cluster === 'hub' ? this.#federation.hub : this.#federation.members.get(cluster)!;
  }
}
