import { AgentError, TaskFailure, messageOf, type FailureReason } from '../errors.ts';

/** onnxruntime gives its errors no code; these are what its messages say. The first that matches counts. */
const loadReasons: readonly (readonly [RegExp, FailureReason])[] = [
  [/failed to allocate|out of memory|bad_alloc/i, 'OutOfMemory'],
  [/non tensor type|unsupported data type/i, 'UnsupportedTensor'],
  [
    /failed to load shared library|is not available|cuda (failure|error)|which would run on the processor/i,
    'ExecutionProviderUnavailable',
  ],
  [/./s, 'ModelInvalid'],
];
const runReasons: readonly (readonly [RegExp, FailureReason])[] = [
  [/failed to allocate|out of memory|bad_alloc/i, 'OutOfMemory'],
  [/./s, 'RunFailed'],
];

/** The failure of a task whose load or run onnxruntime refused, or whose time was over; anything else is passed on. */
export function runtimeFailure(error: unknown, during: 'load' | 'run'): unknown {
  if (!(error instanceof AgentError)) return error;
  if (error.code === 'RUNTIME_DEADLINE') return new TaskFailure('TaskTimeout', error.message, { cause: error });
  if (error.code !== 'RUNTIME_REFUSED') return error;
  const text = messageOf(error).trim().slice(0, 768);
  const [, reason] = (during === 'load' ? loadReasons : runReasons).find(([pattern]) => pattern.test(text)) ?? [
    null,
    'AgentInternal' as const,
  ];
  return new TaskFailure(reason, `${during} of the model: ${text}`, { cause: error });
}
