/**
 * Entry of a runtime process: holds one onnxruntime session and answers frames on descriptor 3, one after another. It knows
 * nothing of tasks, the network or Kubernetes; whatever happens to it, the agent lives on.
 */
import { writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import {
  dataTypeOfOnnxruntime,
  decodeBytesElements,
  encodeBytesElements,
  onnxruntimeType,
  typedView,
  type Tensor as Values,
} from '@isochrone/tensor';
import { InferenceSession, Tensor, env, listSupportedBackends } from 'onnxruntime-node';
import type { Reply, Request, TensorDescription, WithoutId } from './protocol.ts';
import { frameTensors, unframeTensors } from './framed-tensors.ts';
import { FrameDecoder, encodeFrame, type Frame } from './frames.ts';

/** Makes the kernel take this process first when memory runs out: it can be started again. */
const OOM_SCORE_ADJ = '500';

const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
let session: InferenceSession | undefined;

// onnxruntime-node 1.30 hands a Float16Array to its native part, which does not know that type and takes it for empty; without
// the type it uses Uint16Array, which works.
Reflect.deleteProperty(globalThis, 'Float16Array');
raiseOomScore();
new Worker(new URL('./parent-watch.ts', import.meta.url)).unref();
const agent = new Socket({ fd: 3 });
const decoder = new FrameDecoder();
let last: Promise<void> = Promise.resolve();
agent.on('data', (chunk) => {
  for (const frame of decoder.push(chunk)) last = last.then(() => answer(frame));
});
agent.on('close', () => process.exit(0));

async function answer(frame: Frame): Promise<void> {
  const request = frame.header as unknown as Request;
  try {
    const { header, body } = await perform(request, frame.body);
    send({ ...header, id: request.id }, body);
  } catch (error) {
    send({ op: 'error', id: request.id, message: error instanceof Error ? error.message : String(error) });
  }
}

async function perform(
  request: Request,
  body: Uint8Array,
): Promise<{ header: WithoutId<Reply>; body?: readonly Uint8Array[] }> {
  switch (request.op) {
    case 'describe':
      return {
        header: {
          op: 'described',
          version: env.versions.node ?? env.versions.common,
          backends: listSupportedBackends().map(({ name }) => name),
        },
      };
    case 'load':
      session = await InferenceSession.create(request.path, request.options);
      return {
        header: {
          op: 'loaded',
          inputs: session.inputMetadata.map(describe),
          outputs: session.outputMetadata.map(describe),
        },
      };
    case 'run':
      return run(request, body);
  }
}

async function run(
  request: Request & { op: 'run' },
  body: Uint8Array,
): Promise<{ header: WithoutId<Reply>; body: readonly Uint8Array[] }> {
  if (session === undefined) throw new Error('no model is loaded');
  const inputs = unframeTensors(request.inputs, body);
  const feeds = Object.fromEntries(inputs.map(({ name, tensor }) => [name, toOnnxruntime(tensor)]));
  const started = process.hrtime.bigint();
  const results = await session.run(feeds, request.outputs);
  const nanoseconds = Number(process.hrtime.bigint() - started);
  const outputs = request.outputs.map((name) => {
    const output = results[name];
    if (output === undefined) throw new Error(`the model gave no output ${name}`);
    return { name, tensor: fromOnnxruntime(output) };
  });
  const header = { op: 'ran', outputs: frameTensors(outputs), nanoseconds } as const;
  return { header, body: outputs.map(({ tensor }) => tensor.data) };
}

function toOnnxruntime(values: Values): Tensor {
  const { dtype, shape } = values;
  if (dtype !== 'BYTES')
    return new Tensor(onnxruntimeType(dtype) as 'float32', typedView(values) as Float32Array, shape);
  // onnxruntime-node cuts a string at its first zero; it would run another input than the one that is signed.
  const strings = decodeBytesElements(values).map((element, index) => {
    if (element.includes(0)) throw new Error(`string element ${index} holds a zero, which onnxruntime cannot carry`);
    return text.decode(element);
  });
  return new Tensor('string', strings, shape);
}

function fromOnnxruntime(output: Tensor): Values {
  const dtype = dataTypeOfOnnxruntime(output.type);
  const shape = [...output.dims];
  if (dtype === 'BYTES') {
    const elements = (output.data as string[]).map((element) => Buffer.from(element, 'utf8'));
    return { dtype, shape, data: encodeBytesElements(elements) };
  }
  const elements = output.data as Float32Array;
  return { dtype, shape, data: new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength) };
}

function describe(value: InferenceSession.ValueMetadata): TensorDescription {
  if (!value.isTensor) return { name: value.name, type: 'not a tensor', shape: [] };
  const shape = value.shape.map((size) => (typeof size === 'number' && size >= 0 ? size : -1));
  return { name: value.name, type: value.type, shape };
}

function send(header: Reply, body?: readonly Uint8Array[]): void {
  for (const part of encodeFrame(header, body)) agent.write(part);
}

function raiseOomScore(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', OOM_SCORE_ADJ);
  } catch (error) {
    // Not on Linux, or a container forbids it: the process works all the same, only the kernel's choice is its own.
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['ENOENT', 'EACCES', 'EPERM', 'EROFS'].includes(code)) throw error;
  }
}
