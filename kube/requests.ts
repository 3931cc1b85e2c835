import type { StatusDetails } from './errors.ts';

export interface RequestOptions {
  signal?: AbortSignal;
  /** Span for one call, retries included, milliseconds. Default 30 000. */
  timeoutMilliseconds?: number;
}
export interface ReadOptions extends RequestOptions {
  subresource?: string;
}
export interface ListOptions extends RequestOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
}
export interface WriteOptions extends RequestOptions {
  subresource?: string;
  /** Recorded in `managedFields`. Default: the client's `fieldManager`. */
  fieldManager?: string;
  /** Run admission and validation, store nothing. */
  dryRun?: boolean;
}
export interface ApplyOptions extends WriteOptions {
  /** Take fields that another manager owns instead of failing with a conflict. Default false. */
  force?: boolean;
}
export interface DeleteOptions extends RequestOptions {
  /** Delete only this incarnation; otherwise 409. */
  uid?: string;
  /** Delete only this version; otherwise 409. */
  resourceVersion?: string;
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  gracePeriodSeconds?: number;
  dryRun?: boolean;
}
export interface JsonPatchOperation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  path: string;
  from?: string;
  value?: unknown;
}
/** The objects of a merge patch: any part may be left out, and `null` removes a field. */
export type MergePatch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: MergePatch<T[K]> | null }
    : T;

export interface RawRequest extends RequestOptions {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  /** Absolute path on the server, for example `/apis/apps/v1/deployments`; encoded by the caller. */
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  /** Default `application/json`. */
  contentType?: string;
}

export interface WatchOptions extends RequestOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Continue after this version; leave out to start at the present. */
  resourceVersion?: string;
  /** Stream the present state first; a bookmark with `k8s.io/initial-events-end` follows it. */
  sendInitialEvents?: boolean;
  /** The server ends the watch after this span. */
  timeoutSeconds?: number;
}
export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: T }
  | { type: 'ERROR'; object: { code?: number; reason?: string; message?: string; details?: StatusDetails } };
