/** Writes small ONNX models by hand: onnx.proto3's ModelProto, as far as tests need it. */
import { dataTypeInfo, type DataType } from '@isochrone/tensor';

type Field = Uint8Array;

/** A dimension: a size, or the name of a dynamic axis. */
export type Dimension = number | string;

export interface Value {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly Dimension[];
}

export interface Constant {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export interface Operator {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Integers, lists of integers, or graphs. */
  readonly attributes?: Readonly<Record<string, number | readonly number[] | Graph>>;
}

export interface Graph {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly operators: readonly Operator[];
  readonly constants?: readonly Constant[];
}

/** @returns the bytes of an .onnx file; opset 17, IR version 8 */
export function encodeOnnxModel(model: Graph): Uint8Array {
  const opset = message([varint(2, 17)]);
  return message([varint(1, 8), bytes(7, graph(model)), bytes(8, opset)]);
}

function graph({ inputs, outputs, operators, constants = [] }: Graph): Uint8Array {
  return message([
    ...operators.map((operator) => bytes(1, node(operator))),
    string(2, 'graph'),
    ...constants.map((constant) => bytes(5, tensor(constant))),
    ...inputs.map((input) => bytes(11, valueInfo(input))),
    ...outputs.map((output) => bytes(12, valueInfo(output))),
  ]);
}

function node({ type, inputs, outputs, attributes = {} }: Operator): Uint8Array {
  return message([
    ...inputs.map((name) => string(1, name)),
    ...outputs.map((name) => string(2, name)),
    string(4, type),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
  ]);
}

/** AttributeProto; types INT = 2, GRAPH = 5, INTS = 7. */
function attribute(name: string, value: number | readonly number[] | Graph): Uint8Array {
  if (typeof value === 'number') return message([string(1, name), varint(3, value), varint(20, 2)]);
  if ('operators' in value) return message([string(1, name), bytes(6, graph(value)), varint(20, 5)]);
  return message([string(1, name), ...value.map((item) => varint(8, item)), varint(20, 7)]);
}

function tensor({ name, dataType, shape, data }: Constant): Uint8Array {
  return message([
    ...shape.map((size) => varint(1, size)),
    varint(2, elementType(dataType)),
    string(8, name),
    bytes(9, data),
  ]);
}

function valueInfo({ name, dataType, shape }: Value): Uint8Array {
  const dimensions = shape.map((size) => bytes(1, typeof size === 'number' ? varint(1, size) : string(2, size)));
  const tensorType = message([varint(1, elementType(dataType)), bytes(2, message(dimensions))]);
  return message([string(1, name), bytes(2, bytes(1, tensorType))]);
}

function elementType(dataType: DataType): number {
  return dataTypeInfo(dataType).onnxElementType;
}

function message(fields: readonly Field[]): Uint8Array {
  return Buffer.concat(fields);
}
function varint(field: number, value: number): Field {
  return Uint8Array.from([...base128(BigInt(field << 3)), ...base128(BigInt.asUintN(64, BigInt(value)))]);
}
function bytes(field: number, value: Uint8Array): Field {
  return Buffer.concat([
    Uint8Array.from([...base128(BigInt((field << 3) | 2)), ...base128(BigInt(value.byteLength))]),
    value,
  ]);
}
function string(field: number, value: string): Field {
  return bytes(field, Buffer.from(value));
}
function* base128(value: bigint): Generator<number> {
  let rest = value;
  for (; rest > 127n; rest >>= 7n) yield Number(rest & 127n) | 128;
  yield Number(rest);
}
