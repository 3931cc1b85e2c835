import { parseDataType } from './dtypes.ts';
import { TensorError } from './errors.ts';
import { assertLayout, fieldBytes, layoutOf, type RecordLayout } from './record-layout.ts';

/**
 * How objects of the API tell a layout: of one tensor alone by its type and shape, which is all that programs of the first
 * versions know, else by fields. It is told one way only: a member of a version before refuses an object with a field that it
 * does not know.
 */
export interface LayoutDescription {
  fields?: { name: string; dataType: string; shape: number[]; offset: number; stringType?: string }[];
  recordBytes?: number;
  dataType?: string;
  recordShape?: number[];
}

/** The way to tell a layout that the oldest program reads. */
export function describeLayout({ fields, recordBytes }: RecordLayout): LayoutDescription {
  const [only, ...others] = fields;
  const isOneTensor =
    only !== undefined && others.length === 0 && only.stringType === undefined && fieldBytes(only) === recordBytes;
  return isOneTensor
    ? { dataType: only.dataType, recordShape: [...only.shape] }
    : { recordBytes, fields: fields.map((field) => ({ ...field, shape: [...field.shape] })) };
}

/**
 * The layout that was told.
 * @param name of the tensor where none is told
 * @throws TensorError DTYPE_UNKNOWN, DTYPE_UNSUPPORTED; SHAPE_INVALID also where neither way is told whole
 */
export function describedLayout(
  { fields, recordBytes, dataType, recordShape }: LayoutDescription,
  name: string,
): RecordLayout {
  if (fields !== undefined && recordBytes !== undefined) {
    const layout = {
      recordBytes,
      fields: fields.map((field) => ({ ...field, dataType: parseDataType(field.dataType) })),
    };
    assertLayout(layout);
    return layout;
  }
  if (dataType !== undefined && recordShape !== undefined)
    return layoutOf([{ name, dataType: parseDataType(dataType), shape: recordShape }]);
  throw new TensorError(
    'SHAPE_INVALID',
    'it has neither fields and recordBytes nor dataType and recordShape; write one of the two',
  );
}
