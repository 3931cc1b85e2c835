import type { SessionOptions } from './session-options.ts';

/** A tensor in a frame; the body holds the bytes of each, one after another. Of BYTES each element comes with its length. */
export interface FramedTensor {
  readonly name: string;
  /** Open Inference Protocol. */
  readonly dataType: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** What the agent asks of a runtime process. */
export type Request = { readonly id: number } & (
  | { readonly op: 'describe' }
  | { readonly op: 'load'; readonly path: string; readonly options: SessionOptions }
  | {
      readonly op: 'run';
      readonly inputs: readonly FramedTensor[];
      /** Names, in the order in which they are answered. */
      readonly outputs: readonly string[];
    }
);

/** A tensor as onnxruntime describes it: its own type name, and -1 where an axis is dynamic. */
export interface TensorDescription {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
}

export type Reply = { readonly id: number } & (
  | { readonly op: 'described'; readonly version: string; readonly backends: readonly string[] }
  | {
      readonly op: 'loaded';
      readonly inputs: readonly TensorDescription[];
      readonly outputs: readonly TensorDescription[];
    }
  | { readonly op: 'ran'; readonly outputs: readonly FramedTensor[]; readonly nanoseconds: number }
  | { readonly op: 'error'; readonly message: string }
);

/** A message before it has got its number; the conditional keeps the members of the union apart. */
export type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
