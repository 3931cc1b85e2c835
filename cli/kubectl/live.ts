import { Informer, Metrics, type ApiClient, type KubeObject, type Resource } from '@isochrone/kube';
import { createLogger, createRegistry } from '@isochrone/service';
import { VERSION } from '../version.ts';

/** A collection that a view is made from. */
export interface Source<T extends KubeObject = KubeObject> {
  readonly resource: Resource<T>;
  readonly namespace?: string;
  readonly fieldSelector?: string;
}

export type Sources = Readonly<Record<string, Source>>;

/** The objects of each source, by its name. */
export type Snapshot<S extends Sources> = {
  readonly [K in keyof S]: S[K] extends Source<infer T> ? readonly T[] : never;
};

/** Everything, once. @throws ApiError */
export async function readAll<S extends Sources>(client: ApiClient, sources: S): Promise<Snapshot<S>> {
  const read = async ([name, { resource, ...where }]: [string, Source]): Promise<[string, KubeObject[]]> => {
    const objects: KubeObject[] = [];
    for await (const object of client.listAll(resource, where)) objects.push(object);
    return [name, objects];
  };
  return Object.fromEntries(await Promise.all(Object.entries(sources).map(read))) as unknown as Snapshot<S>;
}

/** Tells of everything, and again after each change, until the signal aborts. */
export async function followAll<S extends Sources>(
  client: ApiClient,
  sources: S,
  signal: AbortSignal,
  onSnapshot: (snapshot: Snapshot<S>) => void,
): Promise<void> {
  const logger = createLogger({ program: 'kubectl-isochrone', level: 'error', destination: process.stderr });
  const metrics = new Metrics(createRegistry('kubectl-isochrone', VERSION));
  const informers = Object.entries(sources).map(
    ([name, source]) => [name, new Informer({ client, logger, metrics, ...source })] as const,
  );
  const tell = (): void => {
    if (signal.aborted) return;
    onSnapshot(
      Object.fromEntries(informers.map(([name, informer]) => [name, informer.list()])) as unknown as Snapshot<S>,
    );
  };
  const running = Promise.all(informers.map(([, informer]) => informer.run(signal)));
  const synced = Promise.all(informers.map(([, informer]) => informer.synced())).then(() => {
    let isDue = false;
    tell();
    for (const [, informer] of informers) {
      informer.onChange((change) => {
        if (isDue || (change.type === 'Added' && change.initial)) return;
        // A burst of events is one change.
        isDue = true;
        setImmediate(() => {
          isDue = false;
          tell();
        });
      });
    }
  });
  await Promise.race([running, synced]);
  await running;
}

/** When {@link followUntil} gives up; without either it never does. */
export interface Patience {
  /** 0: as long as it takes. */
  readonly timeoutMilliseconds?: number;
  readonly signal?: AbortSignal;
}

/** Follows until `isOver` says so of a snapshot. @returns false when the time was over, or the signal aborted, before */
export async function followUntil<S extends Sources>(
  client: ApiClient,
  sources: S,
  { timeoutMilliseconds = 0, signal }: Patience,
  isOver: (snapshot: Snapshot<S>) => boolean,
): Promise<boolean> {
  const end = new AbortController();
  let reached = false;
  const timer = timeoutMilliseconds === 0 ? undefined : setTimeout(() => end.abort(), timeoutMilliseconds);
  try {
    await followAll(client, sources, AbortSignal.any([end.signal, ...(signal ? [signal] : [])]), (snapshot) => {
      reached = isOver(snapshot);
      if (reached) end.abort();
    });
  } finally {
    clearTimeout(timer);
  }
  return reached;
}
