import { TensorError } from './errors.ts';
import { LiteralError, parsePythonLiteral, type PythonDictionary, type PythonLiteral } from './python-literal.ts';

/** One field of a record; a name of '' with a type `|V…` is padding. */
export interface NpyField {
  readonly name: string;
  readonly descr: string;
  readonly shape: readonly number[];
}

/** The three keys of an .npy header, read but not yet judged. */
export interface NpyDictionary {
  /** A type string, or the fields of a structured array. */
  readonly descr: string | readonly NpyField[];
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/**
 * Reads the Python literal that an .npy header is. NumPy demands exactly these three keys, in any order; nothing is evaluated.
 * @throws TensorError NPY_HEADER_INVALID, NPY_STRUCTURED_DTYPE, SHAPE_INVALID
 */
export function parseNpyDictionary(text: string): NpyDictionary {
  const values = new Map<string, PythonLiteral>();
  for (const [key, value] of dictionary(text).entries) {
    if (!['descr', 'fortran_order', 'shape'].includes(key)) throw invalid(text, `unexpected key '${key}'`);
    if (values.has(key)) throw invalid(text, `the key '${key}' is there twice`);
    values.set(key, value);
  }
  const [descr, fortranOrder, shape] = ['descr', 'fortran_order', 'shape'].map((key) => values.get(key));
  if (descr === undefined) throw invalid(text, "'descr' must be a string");
  if (typeof fortranOrder !== 'boolean') throw invalid(text, "'fortran_order' must be True or False");
  if (typeof shape === 'bigint') throw invalid(text, `'shape' ${shape} is an integer, not a tuple`);
  const dimensions = dimensionsOf(shape);
  if (dimensions === undefined) throw invalid(text, "'shape' must be a tuple of integers");
  return { descr: typeof descr === 'string' ? descr : fieldsOf(text, descr), fortranOrder, shape: dimensions };
}

function dictionary(text: string): PythonDictionary {
  if (!text.trimStart().startsWith('{')) throw invalid(text, 'it is not a dictionary in braces');
  try {
    return parsePythonLiteral(text) as PythonDictionary;
  } catch (error) {
    if (error instanceof LiteralError) throw invalid(text, `${error.message}${keyBefore(text, error.at)}`);
    throw error;
  }
}

/** Says which value was being read. */
function keyBefore(text: string, at: number): string {
  const key = [...text.slice(0, at).matchAll(/'(descr|fortran_order|shape)'\s*:/g)].at(-1)?.[1];
  return key === undefined ? '' : `, in '${key}'`;
}

/** [(name, type), (name, type, shape), …] as NumPy writes a structured type. */
function fieldsOf(text: string, descr: PythonLiteral): NpyField[] {
  if (typeof descr !== 'object' || descr.kind === 'dictionary') throw invalid(text, "'descr' must be a string");
  if (descr.kind === 'tuple') throw unsupported('has a type that is itself an array; give the array that axis');
  return descr.items.map((item): NpyField => {
    const [name, type, shape] = typeof item === 'object' && item.kind === 'tuple' ? item.items : [];
    if (typeof name !== 'string') throw unsupported('has a field without a plain name; drop titles');
    if (typeof type !== 'string') throw unsupported(`has the field '${name}', which has fields itself; flatten it`);
    const dimensions =
      typeof shape === 'bigint'
        ? dimensionsOf({ kind: 'tuple', items: [shape] })
        : shape === undefined
          ? []
          : dimensionsOf(shape);
    if (dimensions === undefined) throw invalid(text, `the shape of the field '${name}' must be a tuple of integers`);
    return { name, descr: type, shape: dimensions };
  });
}

function dimensionsOf(literal: PythonLiteral | undefined): number[] | undefined {
  if (typeof literal !== 'object' || literal.kind !== 'tuple') return undefined;
  const { items } = literal;
  if (!items.every((item) => typeof item === 'bigint')) return undefined;
  return items.map((digits) => {
    const size = Number(digits);
    if (!Number.isSafeInteger(size))
      throw new TensorError('SHAPE_INVALID', `the .npy dimension ${String(digits).slice(0, 32)} passes 2^53-1`);
    return size;
  });
}

function unsupported(what: string): TensorError {
  return new TensorError('NPY_STRUCTURED_DTYPE', `the .npy dtype ${what}`);
}

function invalid(text: string, reason: string): TensorError {
  return new TensorError(
    'NPY_HEADER_INVALID',
    `the .npy header ${JSON.stringify(text.slice(0, 128))} is malformed: ${reason}`,
  );
}
