import { TensorError } from './errors.ts';

/** The three keys of an .npy header, read but not yet judged. */
export interface NpyDictionary {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

const FIELDS =
  /\s*'(descr|fortran_order|shape)'\s*:\s*('(?:[^'\\]*)'|True|False|\((?:\s*\d+\s*,)*(?:\s*\d+)?\s*\)|[[(])/y;

/**
 * Parses the Python literal that an .npy header is. NumPy demands exactly these three keys, in any order; nothing is evaluated.
 * @throws TensorError NPY_HEADER_INVALID, NPY_STRUCTURED_DTYPE, SHAPE_INVALID
 */
export function parseNpyDictionary(text: string): NpyDictionary {
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (body === undefined) throw invalid(text, 'it is not a dictionary in braces');
  const values = new Map<string, string>();
  FIELDS.lastIndex = 0;
  let end = 0;
  for (let match = FIELDS.exec(body); match !== null; match = FIELDS.exec(body)) {
    const [, key, value] = match as unknown as [string, string, string];
    if (values.has(key)) throw invalid(text, `the key '${key}' is there twice`);
    if (value === '[' || value === '(') {
      if (key === 'descr')
        throw new TensorError(
          'NPY_STRUCTURED_DTYPE',
          'the .npy dtype is structured; save each field as an array of its own',
        );
      throw invalid(text, `'${key}' has a value that is not readable`);
    }
    values.set(key, value);
    end = FIELDS.lastIndex;
    const comma = /\s*,/y;
    comma.lastIndex = end;
    if (!comma.test(body)) break;
    end = FIELDS.lastIndex = comma.lastIndex;
  }
  if (body.slice(end).trim() !== '')
    throw invalid(text, `unexpected text at ${JSON.stringify(body.slice(end, end + 32))}`);
  const [descr, fortranOrder, shape] = ['descr', 'fortran_order', 'shape'].map((key) => values.get(key));
  if (!descr?.startsWith("'")) throw invalid(text, "'descr' must be a string");
  if (fortranOrder !== 'True' && fortranOrder !== 'False') throw invalid(text, "'fortran_order' must be True or False");
  if (!shape?.startsWith('(')) throw invalid(text, "'shape' must be a tuple of integers");
  // In Python (3) is the integer 3, and only (3,) is a tuple.
  if (/^\(\s*\d+\s*\)$/.test(shape)) throw invalid(text, `'shape' ${shape} is an integer, not a tuple`);
  return { descr: descr.slice(1, -1), fortranOrder: fortranOrder === 'True', shape: dimensions(shape) };
}

function dimensions(tuple: string): number[] {
  return (tuple.match(/\d+/g) ?? []).map((digits) => {
    const size = Number(digits);
    if (!Number.isSafeInteger(size))
      throw new TensorError('SHAPE_INVALID', `the .npy dimension ${digits.slice(0, 32)} passes 2^53-1`);
    return size;
  });
}

function invalid(text: string, reason: string): TensorError {
  return new TensorError(
    'NPY_HEADER_INVALID',
    `the .npy header ${JSON.stringify(text.slice(0, 128))} is malformed: ${reason}`,
  );
}
