import { MAX_RECORD_BYTES, type InferenceTaskSpec } from '@isochrone/api';
import { fieldBytes, layoutOf, textType, type RecordLayout } from '@isochrone/tensor';
import { fitsRecord } from '../batch/task-input.ts';
import { TaskFailure } from '../errors.ts';
import type { ModelFormat, RecordAxisTensor } from '../runtime/model-format.ts';

type RecordShapes = InferenceTaskSpec['model']['recordShapes'];

/** Strings to measure with are as long as this. */
const measuredString = textType(1);

/**
 * How the records to measure with lie: its fields are in the order of the model's inputs.
 * @throws TaskFailure NeedsRecordShape; UnsupportedTensor when the model wants larger ones than are run
 */
export function measuredLayout(format: ModelFormat, recordShapes: RecordShapes = []): RecordLayout {
  const { inputs } = format;
  const shapes = new Map(recordShapes.map(({ input, shape }) => [input ?? inputs[0]!.name, shape]));
  const unknown = [...shapes.keys()].find((name) => !inputs.some((input) => input.name === name));
  if (unknown !== undefined || (inputs.length > 1 && recordShapes.some(({ input }) => input === undefined))) {
    const names = inputs.map(({ name }) => name).join(', ');
    throw new TaskFailure(
      'NeedsRecordShape',
      `${unknown === undefined ? 'recordShape is for a model with one input' : `recordShapes names ${JSON.stringify(unknown)}`}, the model has the inputs ${names}; add a version whose recordShapes names those`,
    );
  }
  const given = recordShapes.length > 0;
  const types = inputs.map((input) => ({
    name: input.name,
    dataType: input.dataType,
    shape: measuredShape(input, shapes.get(input.name), inputs.length > 1),
    ...(input.dataType === 'BYTES' ? { stringType: measuredString } : {}),
  }));
  // In floating point: a shape may have more elements than there are safe integers.
  const bytes = types.reduce(
    (sum, { shape, ...type }) =>
      sum + shape.reduce((product, size) => product * size, fieldBytes({ ...type, shape: [] })),
    0,
  );
  if (bytes <= MAX_RECORD_BYTES) return layoutOf(types);
  const described = types.map(({ name, shape }) => `${JSON.stringify(name)} [${shape.join(', ')}]`).join(', ');
  throw given
    ? new TaskFailure(
        'NeedsRecordShape',
        `a record of recordShape ${described} has more than ${MAX_RECORD_BYTES} bytes; add a version with a smaller one`,
      )
    : new TaskFailure(
        'UnsupportedTensor',
        `a record of input ${described} has more than ${MAX_RECORD_BYTES} bytes; export the model for smaller records`,
      );
}

function measuredShape(
  input: RecordAxisTensor,
  recordShape: readonly number[] | undefined,
  isOneOfSeveral: boolean,
): readonly number[] {
  const field = isOneOfSeveral ? 'recordShapes' : 'recordShape';
  const described = `${JSON.stringify(input.name)} [${input.shape.join(', ')}]`;
  if (recordShape !== undefined) {
    if (fitsRecord(input, recordShape)) return recordShape;
    throw new TaskFailure(
      'NeedsRecordShape',
      `${field} [${recordShape.join(', ')}] does not fit input ${described} without its first axis`,
    );
  }
  const axes = input.shape.slice(1);
  const dynamic = axes.indexOf(-1);
  if (dynamic < 0) return axes;
  throw new TaskFailure(
    'NeedsRecordShape',
    `axis ${dynamic + 1} of input ${described} is dynamic; add a version whose ${field} is the shape of one record`,
  );
}
