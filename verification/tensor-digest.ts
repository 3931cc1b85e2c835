import { createTensor, dataTypeInfo, type Tensor } from '@isochrone/tensor';
import { CanonicalEncoder, sha256, type Digest } from './canonical-encoder.ts';
import { VerificationError } from './errors.ts';

export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/**
 * The one digest of a tensor (proto/digest.md §2): datatype, shape and little-endian bytes, so it is the same for a file,
 * a gRPC message and a REST body. Bits are kept: NaN payloads and the sign of zero count.
 * @throws TensorError when the data does not fit datatype and shape
 */
export function tensorDigest(tensor: Tensor): Digest {
  const { dtype, shape, data } = createTensor(tensor.dtype, tensor.shape, tensor.data);
  const header = new CanonicalEncoder()
    .tag('isochrone/tensor/v1')
    .u8('datatype', dataTypeInfo(dtype).onnxElementType)
    .u32('rank', shape.length);
  for (const [axis, size] of shape.entries()) header.u64(`shape[${axis}]`, size);
  return sha256(header.bytes(), data);
}

/**
 * Digest of a record: all its inputs, or all its outputs, by name (proto/digest.md §3). The order given does not matter:
 * names are sorted by their UTF-8 bytes. A record with one tensor is a list of one, so that there is one way.
 * @throws VerificationError DIGEST_NAMES, FIELD_INVALID; TensorError
 */
export function recordDigest(tensors: readonly NamedTensor[]): Digest {
  if (tensors.length === 0) throw new VerificationError('DIGEST_NAMES', 'a record needs at least one tensor');
  const sorted = tensors.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  const encoder = new CanonicalEncoder().tag('isochrone/record/v1').u32('tensors', sorted.length);
  for (const [index, { name, tensor }] of sorted.entries()) {
    if (sorted[index + 1]?.name === name)
      throw new VerificationError('DIGEST_NAMES', `tensor ${JSON.stringify(name)} is there twice`);
    encoder.string('tensor name', name).digest(`digest of ${name}`, tensorDigest(tensor));
  }
  return sha256(encoder.bytes());
}
