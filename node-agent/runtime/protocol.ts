import type { SessionOptions } from './session-options.ts';

/** What the agent asks of a runtime process; a tensor's bytes are the frame's body. */
export type Request = { readonly id: number } & (
  | { readonly op: 'describe' }
  | { readonly op: 'load'; readonly path: string; readonly options: SessionOptions }
  | {
      readonly op: 'run';
      readonly input: string;
      readonly output: string;
      /** Open Inference Protocol. */
      readonly dataType: string;
      readonly shape: readonly number[];
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
  | { readonly op: 'ran'; readonly dataType: string; readonly shape: readonly number[]; readonly nanoseconds: number }
  | { readonly op: 'error'; readonly message: string }
);

/** A message before it has got its number; the conditional keeps the members of the union apart. */
export type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
