import { dataTypeInfo, decodeBytesElements, typedView } from '@isochrone/tensor';
import type { NamedTensor } from '@isochrone/verification';

/**
 * One inference response of the Open Inference Protocol v2 (REST). Numbers are written so that they are read back bit by bit;
 * JSON has no word for what is not finite: as in the JSON of protocol buffers it is "NaN", "Infinity", "-Infinity".
 */
export function responseLine(
  { name, version }: { readonly name: string; readonly version: string },
  id: string | undefined,
  outputs: readonly NamedTensor[],
): string {
  const written = outputs.map(({ name: output, tensor }) => {
    const head = JSON.stringify({ name: output, shape: [1, ...tensor.shape], datatype: tensor.dtype });
    return `${head.slice(0, -1)},"data":[${values(tensor).join(',')}]}`;
  });
  const head = JSON.stringify({ model_name: name, model_version: version, ...(id === undefined ? {} : { id }) });
  return `${head.slice(0, -1)},"outputs":[${written.join(',')}]}`;
}

function values(tensor: NamedTensor['tensor']): string[] {
  const { kind } = dataTypeInfo(tensor.dtype);
  if (kind === 'bytes')
    return decodeBytesElements(tensor).map((element) => JSON.stringify(Buffer.from(element).toString('utf8')));
  const elements = typedView(tensor);
  if (kind === 'bool') return Array.from(elements as Uint8Array, (value) => String(value !== 0));
  if (kind !== 'float') return Array.from(elements as BigInt64Array, String);
  const floats =
    elements instanceof Uint16Array
      ? new Float16Array(elements.buffer, elements.byteOffset, elements.length)
      : (elements as Float32Array);
  return Array.from(floats, (value) =>
    Number.isFinite(value) ? (Object.is(value, -0) ? '-0.0' : String(value)) : JSON.stringify(String(value)),
  );
}
