import { createTensor, parseDataType, type Tensor } from '@isochrone/tensor';
import { AgentError } from '../errors.ts';
import type { FramedTensor } from './protocol.ts';

/** A tensor of a model. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/** What the header of a frame says of tensors whose bytes are its body, in this order. */
export function frameTensors(tensors: readonly NamedTensor[]): FramedTensor[] {
  return tensors.map(({ name, tensor: { dtype, shape, data } }) => ({
    name,
    dataType: dtype,
    shape,
    bytes: data.byteLength,
  }));
}

/** The tensors of a frame, as views of its body. @throws AgentError FRAME_INVALID; TensorError */
export function unframeTensors(framed: readonly FramedTensor[], body: Uint8Array): NamedTensor[] {
  let end = 0;
  const tensors = framed.map(({ name, dataType, shape, bytes }) => {
    const data = body.subarray(end, (end += bytes));
    return { name, tensor: createTensor(parseDataType(dataType), shape, data) };
  });
  if (end === body.byteLength) return tensors;
  throw new AgentError('FRAME_INVALID', `the tensors of a frame have ${end} bytes, its body has ${body.byteLength}`);
}
