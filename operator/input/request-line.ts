import {
  createTensor,
  dataTypeInfo,
  encodeBytesElements,
  parseDataType,
  type DataType,
  type Tensor,
} from '@isochrone/tensor';

/** A tensor of the model, with the axis of the records first; -1 where an axis is dynamic. */
export interface RequestTensor {
  readonly name: string;
  readonly dataType: string;
  readonly shape: readonly number[];
}

/** One inference request of the Open Inference Protocol v2 (REST), which is one record. */
export interface RequestLine {
  readonly id: string | undefined;
  /** In the order of the model's inputs; the first axis, of size 1, is the record. */
  readonly tensors: readonly Tensor[];
}

/** What is wrong with a line, with what to do about it. */
export class RequestProblem extends Error {
  override readonly name = 'RequestProblem';
}

/** An id is kept for each record, as wide as the longest. */
const longestIdBytes = 256;

/** @throws RequestProblem; messages tell no value of the request, because statuses show them to more people than may read inputs */
export function parseRequestLine(line: string, inputs: readonly RequestTensor[]): RequestLine {
  const request = parseObject(line, inputs);
  const unknown = Object.keys(request).find((key) => key !== 'id' && key !== 'inputs');
  if (unknown !== undefined)
    throw new RequestProblem(
      `has the field ${quoted(unknown)}, which is not supported here; write id and inputs alone`,
    );
  const { id, inputs: given } = request;
  if (id !== undefined && !isId(id))
    throw new RequestProblem(
      `has an id that is no string of at most ${longestIdBytes} bytes; shorten it, or leave it out`,
    );
  const names = inputs.map((input) => input.name).join(', ');
  if (!Array.isArray(given)) throw new RequestProblem(`has no list "inputs"; write one with ${names}`);
  const byName = new Map<string, Record<string, unknown>>();
  for (const tensor of given as unknown[]) {
    const { name } = (tensor ?? {}) as { name?: unknown };
    if (typeof name !== 'string' || !inputs.some((input) => input.name === name))
      throw new RequestProblem(`has the input ${quoted(name)}, the model takes ${names}; drop or rename it`);
    if (byName.has(name)) throw new RequestProblem(`has the input ${name} twice; write it once`);
    byName.set(name, tensor as Record<string, unknown>);
  }
  const tensors = inputs.map((input) => {
    const tensor = byName.get(input.name);
    if (tensor === undefined) throw new RequestProblem(`has no input ${input.name}; add it`);
    return readTensor(tensor, input);
  });
  return { id, tensors };
}

function isId(id: unknown): id is string {
  return typeof id === 'string' && !id.includes('\0') && id.isWellFormed() && Buffer.byteLength(id) <= longestIdBytes;
}

/** A name as it was written, cut. */
function quoted(name: unknown): string {
  return typeof name === 'string' ? JSON.stringify(name.slice(0, 64)) : 'without a name';
}

function readTensor({ datatype, shape, data, ...rest }: Record<string, unknown>, input: RequestTensor): Tensor {
  const what = `input ${input.name}`;
  const unknown = Object.keys(rest).find((key) => key !== 'name');
  if (unknown !== undefined)
    throw new RequestProblem(
      `${what} has the field ${quoted(unknown)}, which is not supported here; write name, shape, datatype and data alone`,
    );
  if (datatype !== input.dataType)
    throw new RequestProblem(
      `${what} has the datatype ${quoted(datatype)}, the model takes ${input.dataType}; convert it`,
    );
  const isShape = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
  if (!isShape) throw new RequestProblem(`${what} has no shape; write a list of sizes`);
  const sizes = shape as number[];
  const written = `the shape [${sizes.slice(0, 16).join(', ')}]`;
  if (sizes[0] !== 1)
    throw new RequestProblem(`${what} has ${written}; a line is one record: write 1 first, and a line for each`);
  const axes = input.shape.slice(1);
  const fits = sizes.length === input.shape.length && axes.every((size, axis) => size < 0 || size === sizes[axis + 1]);
  if (!fits)
    throw new RequestProblem(
      `${what} has ${written}, the model takes [${[1, ...axes].join(', ')}] (-1 is any size); reshape it`,
    );
  const count = sizes.reduce((product, size) => product * size, 1);
  const values = Array.isArray(data) ? valuesOf(data, sizes) : undefined;
  if (values?.length !== count)
    throw new RequestProblem(
      `${what} has data that do not fill ${written}; write ${count} values, flat or nested alike`,
    );
  const dataType = parseDataType(input.dataType);
  return createTensor(dataType, sizes, encodeValues(values, dataType, what));
}

/** Data are flat, or nested as the shape is. @returns undefined for what is neither */
function valuesOf(data: readonly unknown[], shape: readonly number[]): readonly unknown[] | undefined {
  if (!data.some((item) => Array.isArray(item))) return data;
  let level = data;
  for (const [axis, size] of shape.entries()) {
    const outer = shape.slice(0, axis).reduce((product, before) => product * before, 1);
    if (level.length !== outer * size) return undefined;
    if (axis === shape.length - 1) return level;
    if (!level.every((item) => Array.isArray(item) && item.length === shape[axis + 1])) return undefined;
    level = level.flat();
  }
  return level;
}

function encodeValues(values: readonly unknown[], dataType: DataType, what: string): Uint8Array {
  const { kind, bytesPerElement } = dataTypeInfo(dataType);
  const refuse = (index: number): RequestProblem =>
    new RequestProblem(
      `${what} has at ${index} (of data, flat) a ${typeOf(values[index])} that is no ${dataType}; convert it`,
    );
  if (kind === 'bytes') {
    return encodeBytesElements(
      values.map((value, index) => {
        if (typeof value !== 'string' || value.includes('\0') || !value.isWellFormed()) throw refuse(index);
        return Buffer.from(value, 'utf8');
      }),
    );
  }
  const width = bytesPerElement!;
  const view = new DataView(new ArrayBuffer(values.length * width));
  for (const [index, value] of values.entries())
    if (!writeValue(view, index * width, value, kind, width)) throw refuse(index);
  return new Uint8Array(view.buffer);
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'bigint' ? 'number' : typeof value;
}

/** @returns false for a value that the type does not have */
function writeValue(view: DataView, at: number, value: unknown, kind: string, width: number): boolean {
  if (kind === 'bool') {
    if (value !== true && value !== false && value !== 0 && value !== 1) return false;
    view.setUint8(at, Number(value));
    return true;
  }
  if (kind === 'float') {
    const number =
      notFinite.get(value) ?? Number(typeof value === 'number' || typeof value === 'bigint' ? value : Number.NaN);
    if (!Number.isFinite(number) && !notFinite.has(value)) return false;
    if (width === 8) view.setFloat64(at, number, true);
    else if (width === 4) view.setFloat32(at, number, true);
    else view.setFloat16(at, number, true);
    // A number that the type cannot hold would become infinite.
    return Number.isFinite(number) === Number.isFinite(readFloat(view, at, width));
  }
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return false;
  const integer = BigInt(value as number | bigint);
  const bits = width * 8;
  const held = kind === 'int' ? BigInt.asIntN(bits, integer) : BigInt.asUintN(bits, integer);
  if (held !== integer) return false;
  const bytes = BigInt.asUintN(64, integer);
  for (let byte = 0; byte < width; byte += 1) view.setUint8(at + byte, Number((bytes >> BigInt(8 * byte)) & 0xffn));
  return true;
}

function readFloat(view: DataView, at: number, width: number): number {
  if (width === 8) return view.getFloat64(at, true);
  return width === 4 ? view.getFloat32(at, true) : view.getFloat16(at, true);
}

/** JSON has no word for these; the JSON of protocol buffers writes them so. */
const notFinite: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

function parseObject(line: string, inputs: readonly RequestTensor[]): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
    // Integers that a double cannot hold are read again from their digits.
    if (inputs.some(({ dataType }) => dataType.endsWith('INT64')) && /\d{16}/.test(line))
      value = JSON.parse(line, exactIntegers);
  } catch (cause) {
    // Nested too deeply for the second reading.
    if (cause instanceof RangeError) throw new RequestProblem('is nested too deeply; write data flat', { cause });
    const [, at] = /at position (\d+)/.exec((cause as Error).message) ?? [];
    const where = at === undefined ? '' : ` at character ${Number(at) + 1}`;
    throw new RequestProblem(`is no JSON${where}; write a request as one line of JSON`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new RequestProblem('is no JSON object; write {"inputs": [...]}');
}

function exactIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  const { source } = context ?? {};
  const isInexact = typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '');
  return isInexact ? BigInt(source!) : value;
}
