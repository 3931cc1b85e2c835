import { parseDataType } from './dtypes.ts';
import { TensorError } from './errors.ts';
import { assertLayout, fieldBytes, layoutOf, type RecordLayout } from './record-layout.ts';

/**
 * How objects of the API tell a layout. Programs of the first versions know records of one tensor only, by its type and shape:
 * they go on beside newer ones, so such records are told both ways, and either way is read.
 */
export interface LayoutDescription {
  fields?: { name: string; dataType: string; shape: number[]; offset: number; stringType?: string }[];
  recordBytes?: number;
  dataType?: string;
  recordShape?: number[];
}

/** Tells a layout, both ways where both can. */
export function describeLayout({ fields, recordBytes }: RecordLayout): LayoutDescription {
  const [only, ...others] = fields;
  const isOneTensor =
    only !== undefined && others.length === 0 && only.stringType === undefined && fieldBytes(only) === recordBytes;
  return {
    recordBytes,
    fields: fields.map((field) => ({ ...field, shape: [...field.shape] })),
    ...(isOneTensor ? { dataType: only.dataType, recordShape: [...only.shape] } : {}),
  };
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
