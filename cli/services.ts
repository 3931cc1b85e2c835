import {
  loadOptions,
  runService,
  serviceOptions,
  type OptionsOf,
  type OptionSources,
  type OptionTable,
  type ServiceContext,
} from '@isochrone/service';
import { exitStatusOf } from './errors.ts';
import { VERSION } from './version.ts';

/** A long-running program, loaded. */
export interface Program {
  readonly options: OptionTable;
  /** Resolves with the exit status. */
  start(sources: OptionSources): Promise<number>;
}

export interface Service {
  readonly description: string;
  /** Imports the program: only now, so that a process carries nothing of the others (onnxruntime alone is 50 MB). */
  load(): Promise<Program>;
}

export const services: Readonly<Record<string, Service>> = {
  operator: {
    description: 'Run the hub operator: members, nodes, models, jobs, verification, settlement.',
    async load() {
      const { operatorOptions, runOperator } = await import('@isochrone/operator/hub');
      return program('operator', operatorOptions, runOperator);
    },
  },
  scheduler: {
    description: 'Run the scheduler: Place and Explain over gRPC.',
    async load() {
      const { schedulerOptions, runScheduler } = await import('@isochrone/scheduler');
      return program('scheduler', schedulerOptions, runScheduler);
    },
  },
  edge: {
    description: 'Run the edge operator of a member: tasks down, status and node reports up.',
    async load() {
      const { edgeOptions, runEdge } = await import('@isochrone/operator/edge');
      return program('edge', edgeOptions, runEdge);
    },
  },
  agent: {
    description: 'Run the agent of a node: models, batches, outputs.',
    async load() {
      const { agentOptions, runAgent } = await import('@isochrone/node-agent/agent');
      return program('agent', agentOptions, runAgent);
    },
  },
  verifier: {
    description: 'Run the verifier sidecar of a node: commitments and signed receipts.',
    async load() {
      const { verifierOptions, runVerifier } = await import('@isochrone/node-agent/verifier');
      return program('verifier', verifierOptions, runVerifier);
    },
  },
};

function program<T extends OptionTable>(
  name: string,
  own: T,
  run: (options: OptionsOf<T>, context: ServiceContext) => Promise<void>,
): Program {
  const options: OptionTable = { ...serviceOptions, ...own };
  return {
    options,
    async start(sources) {
      const values = loadOptions(options, sources) as OptionsOf<T> & OptionsOf<typeof serviceOptions>;
      return runService(name, VERSION, values, (context) => run(values, context), exitStatusOf);
    },
  };
}
