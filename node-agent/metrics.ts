import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface AgentMetrics {
  readonly records: Counter;
  readonly batches: Counter;
  readonly batchSeconds: Histogram;
  readonly failures: Counter<'class' | 'reason'>;
  readonly tasks: Counter<'type' | 'result'>;
  readonly runningTasks: Gauge;
  readonly modelBytes: Counter;
  readonly modelCacheHits: Counter;
  readonly modelEvictions: Counter;
  readonly modelsCorrupt: Counter;
  readonly runtimeRestarts: Counter;
  readonly receipts: Counter;
  readonly uploadedBytes: Counter;
}

/** From a tiny model on a GPU to a large one on a small CPU. */
const batchBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function agentMetrics(registry: Registry): AgentMetrics {
  const registers = [registry];
  const counter = (name: string, help: string): Counter =>
    new Counter({ name: `isochrone_agent_${name}`, help, registers });
  return {
    records: counter('records_total', 'Records run.'),
    batches: counter('batches_total', 'Batches run.'),
    batchSeconds: new Histogram({
      name: 'isochrone_agent_batch_duration_seconds',
      help: 'Time of one run of onnxruntime.',
      buckets: batchBuckets,
      registers,
    }),
    failures: new Counter({
      name: 'isochrone_agent_run_failures_total',
      help: 'Attempts that failed, by reason.',
      labelNames: ['class', 'reason'],
      registers,
    }),
    tasks: new Counter({
      name: 'isochrone_agent_tasks_total',
      help: 'Attempts that ended, by type and result.',
      labelNames: ['type', 'result'],
      registers,
    }),
    runningTasks: new Gauge({ name: 'isochrone_agent_running_tasks', help: 'Attempts that run now.', registers }),
    modelBytes: counter('model_downloaded_bytes_total', 'Bytes of models downloaded.'),
    modelCacheHits: counter('model_cache_hits_total', 'Models that were needed and there.'),
    modelEvictions: counter('model_evictions_total', 'Models removed to make room.'),
    modelsCorrupt: counter('models_corrupt_total', 'Models on the disk whose digest was wrong.'),
    runtimeRestarts: counter('runtime_restarts_total', 'Runtime processes that crashed.'),
    receipts: counter('receipts_total', 'Receipts got from the verifier sidecar.'),
    uploadedBytes: counter('uploaded_bytes_total', 'Bytes of outputs delivered.'),
  };
}
