import type { ClientOptions, ServerOptions, KubeconfigOptions, InClusterOptions } from './client-options.ts';
import type {
  RequestOptions,
  ReadOptions,
  ListOptions,
  WriteOptions,
  ApplyOptions,
  DeleteOptions,
  JsonPatchOperation,
  MergePatch,
  RawRequest,
  WatchOptions,
  WatchEvent,
} from './requests.ts';
import { systemClock } from './clock.ts';
import { endpointFromOptions, endpointInCluster, type Endpoint } from './credentials.ts';
import { ApiError } from './errors.ts';
import { decodeJsonLines } from './json-lines.ts';
import { endpointFromKubeconfig } from './kubeconfig.ts';
import { refOf, type KubeList, type KubeObject, type ObjectRef } from './object.ts';
import { apiVersionOf, resourcePath, type Resource } from './resource.ts';
import { Transport } from './transport.ts';

/** One cluster's API. Share it: every instance has connections of its own. */
export class ApiClient {
  /** Names the cluster in logs and metrics. */
  readonly name: string;
  readonly server: string;
  readonly #transport: Transport;
  readonly #fieldManager: string;
  readonly #endpoint: Endpoint;

  private constructor(endpoint: Endpoint, options: ClientOptions) {
    this.#endpoint = endpoint;
    this.#transport = new Transport(endpoint, options);
    this.name = options.name ?? this.#transport.host;
    this.server = endpoint.server;
    this.#fieldManager = options.fieldManager ?? 'isochrone-kube';
  }

  /** @throws KubeconfigError */
  static async fromKubeconfig(options: KubeconfigOptions = {}): Promise<ApiClient> {
    return new ApiClient(await endpointFromKubeconfig(options, options.clock ?? systemClock), options);
  }

  /** @throws KubeconfigError outside a Pod, or without its ServiceAccount mount. */
  static async inCluster(options: InClusterOptions = {}): Promise<ApiClient> {
    const endpoint = endpointInCluster(options, options.clock ?? systemClock);
    // Fails now rather than at the first request.
    await endpoint.authenticate(false);
    return new ApiClient(endpoint, options);
  }

  /** @throws KubeconfigError when the options contradict each other. */
  static fromOptions(options: ServerOptions): ApiClient {
    return new ApiClient(endpointFromOptions(options, options.clock ?? systemClock), options);
  }

  /** @throws ApiError */
  async get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, options: ReadOptions = {}): Promise<T> {
    return this.request<T>({
      ...transportOptions(options),
      method: 'GET',
      path: resourcePath(resource, ref, options.subresource),
    });
  }

  /** Like {@link get}, but undefined when the object does not exist. */
  async find<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    options: ReadOptions = {},
  ): Promise<T | undefined> {
    try {
      return await this.get(resource, ref, options);
    } catch (error) {
      if (error instanceof ApiError && error.isNotFound) return undefined;
      throw error;
    }
  }

  /** One page. */
  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    return this.request<KubeList<T>>({
      ...transportOptions(options),
      method: 'GET',
      path: resourcePath(resource, namespaceOf(options)),
      query: {
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
        limit: options.limit,
        continue: options.continue,
        resourceVersion: options.resourceVersion,
        resourceVersionMatch: options.resourceVersionMatch,
      },
    });
  }

  /**
   * Every object, page by page (500 unless `limit` is set), without ever holding the whole collection.
   *
   * @throws ApiError `isGone` when the list takes so long that its snapshot is compacted; begin again.
   */
  async *listAll<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): AsyncGenerator<T, void> {
    let page: KubeList<T> | undefined;
    do {
      const next = page?.metadata.continue;
      // A token names the version of the first page itself.
      const { resourceVersion, resourceVersionMatch, ...rest } = options;
      const at = {
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        ...(resourceVersionMatch === undefined ? {} : { resourceVersionMatch }),
      };
      page = await this.list(resource, { limit: 500, ...rest, ...(next ? { continue: next } : at) });
      yield* page.items;
    } while (page.metadata.continue);
  }

  /**
   * A watch's events as they come, one array per read; ends when the server ends it. {@link Informer} resumes and resyncs;
   * use this only for a short look.
   */
  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions & { signal: AbortSignal },
  ): AsyncGenerator<WatchEvent<T>[], void> {
    const { sendInitialEvents } = options;
    const bytes = await this.#transport.stream(
      {
        ...(options.timeoutMilliseconds === undefined ? {} : { timeoutMilliseconds: options.timeoutMilliseconds }),
        method: 'GET',
        path: resourcePath(resource, namespaceOf(options)),
        query: {
          watch: true,
          allowWatchBookmarks: true,
          labelSelector: options.labelSelector,
          fieldSelector: options.fieldSelector,
          resourceVersion: options.resourceVersion,
          timeoutSeconds: options.timeoutSeconds,
          ...(sendInitialEvents === true ? { sendInitialEvents, resourceVersionMatch: 'NotOlderThan' } : {}),
        },
      },
      options.signal,
    );
    yield* decodeJsonLines(bytes) as AsyncGenerator<WatchEvent<T>[], void>;
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace } = object.metadata;
    if (resource.namespaced && namespace === undefined) {
      throw new TypeError(`${resource.kind} ${object.metadata.name ?? ''}: metadata.namespace is missing`);
    }
    return this.request<T>({
      ...this.#write(options),
      method: 'POST',
      path: resourcePath(resource, namespaceOf({ namespace })),
      body: typed(resource, object),
    });
  }

  /** POSTs to a subresource that takes and returns a kind of its own: `token`, `eviction`, `binding`. */
  async createSubresource<R>(
    resource: Resource,
    ref: ObjectRef,
    subresource: string,
    body: object,
    options: WriteOptions = {},
  ): Promise<R> {
    const path = resourcePath(resource, ref, subresource);
    return this.request<R>({ ...this.#write(options), method: 'POST', path, body });
  }

  /** PUT; `metadata.resourceVersion`, when set, must be the current one, else ApiError `isConflict`. */
  async replace<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.request<T>({
      ...this.#write(options),
      method: 'PUT',
      path: resourcePath(resource, refOf(object), options.subresource),
      body: typed(resource, object),
    });
  }

  /** Merge patch; a `metadata.resourceVersion` in it makes the write conditional, else ApiError `isConflict`. */
  async mergePatch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: MergePatch<T>,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#patch(resource, ref, patch, 'application/merge-patch+json', options);
  }

  async jsonPatch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    operations: readonly JsonPatchOperation[],
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#patch(resource, ref, operations, 'application/json-patch+json', options);
  }

  /** Server-side apply; `apiVersion` and `kind` are filled in from the resource. @throws ApiError `isConflict` without `force` when another manager owns a field. */
  async apply<T extends KubeObject>(
    resource: Resource<T>,
    object: MergePatch<T> & { metadata: { name: string; namespace?: string } },
    options: ApplyOptions = {},
  ): Promise<T> {
    const { name, namespace } = object.metadata;
    const ref = namespace === undefined ? { name } : { namespace, name };
    const query = options.force === undefined ? {} : { force: options.force };
    return this.#patch(resource, ref, typed(resource, object), 'application/apply-patch+yaml', options, query);
  }

  /** False when there was nothing to delete. A failed precondition is an ApiError with `isConflict`. */
  async delete(resource: Resource, ref: ObjectRef, options: DeleteOptions = {}): Promise<boolean> {
    const { uid, resourceVersion, propagationPolicy, gracePeriodSeconds, dryRun } = options;
    try {
      await this.request({
        ...transportOptions(options),
        method: 'DELETE',
        path: resourcePath(resource, ref),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          ...(uid === undefined && resourceVersion === undefined ? {} : { preconditions: { uid, resourceVersion } }),
          propagationPolicy,
          gracePeriodSeconds,
          ...(dryRun === true ? { dryRun: ['All'] } : {}),
        },
      });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.isNotFound) return false;
      throw error;
    }
  }

  /** PEM bundle that the server's certificate is checked against; undefined where Node's roots are. For those who enrol others. */
  async certificateAuthority(): Promise<string | undefined> {
    return (await this.#endpoint.authenticate(false)).tls.ca;
  }

  /** Any call, decoded from JSON (text when the answer is not JSON). @throws ApiError, RequestTimeoutError */
  async request<R = unknown>(request: RawRequest): Promise<R> {
    return (await this.#transport.send(request)) as R;
  }

  /** Ends every connection, watches included. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #patch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    body: unknown,
    contentType: string,
    options: WriteOptions,
    query: RawRequest['query'] = {},
  ): Promise<T> {
    const write = this.#write(options);
    return this.request<T>({
      ...write,
      query: { ...write.query, ...query },
      method: 'PATCH',
      path: resourcePath(resource, ref, options.subresource),
      body,
      contentType,
    });
  }

  #write(options: WriteOptions): RequestOptions & { query: NonNullable<RawRequest['query']> } {
    return {
      ...transportOptions(options),
      query: {
        fieldManager: options.fieldManager ?? this.#fieldManager,
        // Unknown and duplicate fields are bugs of ours, not something to drop in silence.
        fieldValidation: 'Strict',
        ...(options.dryRun === true ? { dryRun: 'All' } : {}),
      },
    };
  }
}

function transportOptions({ signal, timeoutMilliseconds }: RequestOptions): RequestOptions {
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(timeoutMilliseconds === undefined ? {} : { timeoutMilliseconds }),
  };
}

function namespaceOf({ namespace }: { namespace?: string | undefined }): { namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

function typed(resource: Resource, object: object): object {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}
