import type { PlaceRequest__Output } from '@isochrone/api/proto/isochrone/v1alpha1/PlaceRequest';
import type { WithdrawRequest__Output } from '@isochrone/api/proto/isochrone/v1alpha1/WithdrawRequest';
import type { TaskRequest__Output } from '@isochrone/api/proto/isochrone/v1alpha1/TaskRequest';
import type { Origin__Output } from '@isochrone/api/proto/isochrone/v1alpha1/Origin';
import { unitVector, type ExecutionProvider } from '@isochrone/latency';
import { SchedulerError } from './errors.ts';
import type { AttemptKey, Origin, Strategy, TaskRequest } from './framework/request.ts';
import { EXECUTION_PROVIDERS } from './table/execution-providers.ts';

/** So that the explanations of a whole batch, at their longest, stay within the 4 MiB of a gRPC message. */
export const MOST_TASKS = 512;

/** Longest list of excluded or allowed names. */
const MOST_NAMES = 4096;

const STRATEGIES: readonly Strategy[] = ['BALANCED', 'LATENCY', 'COST'];

/** @throws SchedulerError ARGUMENT_INVALID naming the field, its value and the remedy */
export function validateRequest({ tasks }: PlaceRequest__Output): TaskRequest[] {
  count('tasks', tasks);
  return tasks.map((task, index) => validateTask(task, `tasks[${index}]`));
}

/** @throws SchedulerError ARGUMENT_INVALID naming the field, its value and the remedy */
export function validateWithdrawal({ attempts }: WithdrawRequest__Output): readonly AttemptKey[] {
  count('attempts', attempts);
  attempts.forEach((key, index) => attemptKey(`attempts[${index}]`, key));
  return attempts;
}

function count(field: string, { length }: readonly unknown[]): void {
  if (length === 0 || length > MOST_TASKS) refuse(field, `${length} ${field}`, `send 1 to ${MOST_TASKS} in one call`);
}

function attemptKey(path: string, { workUid, attempt }: AttemptKey): void {
  integer(`${path}.attempt`, attempt, 1);
  names(`${path}.work_uid`, [workUid], /^[\w.-]{1,64}$/, 'at most 64 letters, digits, ".", "_" and "-"');
}

function validateTask(task: TaskRequest__Output, path: string): TaskRequest {
  const { model } = task;
  if (model === null) refuse(`${path}.model`, model, 'say which model is to run');
  attemptKey(path, task);
  integer(`${path}.records`, task.records, 0);
  integer(`${path}.input_bytes`, task.inputBytes, 0);
  integer(`${path}.device_memory`, task.deviceMemory, 1);
  integer(`${path}.min_cuda_compute_capability`, task.minCudaComputeCapability, 0);
  integer(`${path}.max_price`, task.maxPrice, 0);
  integer(`${path}.model.size_bytes`, model.sizeBytes, 1);
  integer(`${path}.model.reference_nanoseconds_per_record`, model.referenceNanosecondsPerRecord, 0);
  names(`${path}.model.sha256`, [model.sha256], /^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits');
  names(`${path}.allowed_countries`, task.allowedCountries, /^[A-Z]{2}$/, 'an ISO 3166-1 alpha-2 code such as DE');
  names(`${path}.excluded_providers`, task.excludedProviders, /^[^/]{1,253}$/, 'the name of a Provider');
  names(`${path}.excluded_clusters`, task.excludedClusters, /^[^/]{1,63}$/, 'the name of an EdgeCluster');
  names(`${path}.excluded_nodes`, task.excludedNodes, /^[^/]{1,63}\/[^/]{1,253}$/, 'cluster/node');
  if (task.executionProviders.length === 0) {
    refuse(`${path}.execution_providers`, [], `name at least one of ${EXECUTION_PROVIDERS.join(', ')}`);
  }
  const executionProviders = task.executionProviders.map((provider, index) =>
    member(`${path}.execution_providers[${index}]`, provider, EXECUTION_PROVIDERS),
  );
  const strategy = member(`${path}.strategy`, task.strategy, STRATEGIES);
  const { origin, ...rest } = task;
  return {
    ...rest,
    model,
    executionProviders: [...new Set<ExecutionProvider>(executionProviders)],
    strategy,
    ...(origin && { origin: validateOrigin(origin, `${path}.origin`) }),
  };
}

/** Coordinates say more than a region; with both, they count. */
function validateOrigin({ region, latitude, longitude, coordinates }: Origin__Output, path: string): Origin {
  if (coordinates) {
    within(`${path}.latitude`, latitude, 90);
    within(`${path}.longitude`, longitude, 180);
    return { location: unitVector(latitude, longitude) };
  }
  names(
    `${path}.region`,
    [region],
    /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
    'the region of an EdgeCluster, or give coordinates',
  );
  return { region };
}

function integer(field: string, value: number, minimum: number): void {
  if (!Number.isSafeInteger(value) || value < minimum) refuse(field, value, `send an integer of at least ${minimum}`);
}

function within(field: string, value: number, limit: number): void {
  if (!(Math.abs(value) <= limit)) refuse(field, value, `send degrees from -${limit} to ${limit}`);
}

function names(field: string, values: readonly string[], pattern: RegExp, expected: string): void {
  if (values.length > MOST_NAMES) refuse(field, `${values.length} names`, `send at most ${MOST_NAMES}`);
  const wrong = values.find((value) => !pattern.test(value));
  if (wrong !== undefined) refuse(field, wrong, `send ${expected}`);
}

function member<T extends string>(field: string, value: string, allowed: readonly T[]): T {
  return allowed.find((candidate) => candidate === value) ?? refuse(field, value, `send one of ${allowed.join(', ')}`);
}

function refuse(field: string, value: unknown, remedy: string): never {
  const shown = typeof value === 'number' ? String(value) : JSON.stringify(value);
  throw new SchedulerError('ARGUMENT_INVALID', `${field} is ${shown.slice(0, 128)}; ${remedy}`);
}
