import { Option, type Command } from 'commander';
import { parseDuration } from '../duration.ts';
import { CliError } from '../errors.ts';
import { formatOption, print, render } from '../output.ts';
import { ProgressBar } from '../progress-bar.ts';
import { addModel, type AddModelOptions } from './add-model.ts';
import { approveModel } from './approve-model.ts';
import { withConnection, type PrintOptions } from './connection.ts';
import { doneFormats } from './cordon-command.ts';
import { parseModelRef } from './model-ref.ts';

/** `kubectl isochrone model ...`. */
export function addModelCommand(program: Command): void {
  const model = program.command('model').description('Add models, and approve what they cost.');
  addAddCommand(model);
  addApproveCommand(model);
}

interface AddFlags extends PrintOptions {
  readonly uri: string;
  readonly file?: string;
  readonly secret: string;
  readonly deviceMemory?: string;
  readonly maxBatchSize?: string;
  readonly recordShape?: readonly string[];
  readonly numericProfile?: NonNullable<AddModelOptions['numericProfile']>;
}

function addAddCommand(model: Command): void {
  formatOption(model.command('add'), doneFormats)
    .description('Add a version of a model: its SHA-256 and size are computed, and a trusted node measures it.')
    .argument('<model>', 'NAME:VERSION')
    .requiredOption('--uri <uri>', 's3://bucket/key where the model lies')
    .option('-f, --file <file>', 'ONNX file that is uploaded there first')
    .requiredOption('--secret <name>', 'Secret in isochrone-system with the credentials of the storage')
    .option('--device-memory <quantity>', 'memory that the model takes (default: 1Gi)')
    .option('--max-batch-size <records>', 'records of one run (default: 8)')
    .option(
      '--record-shape <[input=]n,n,...>',
      'shape of one record, where the model leaves it open; INPUT=N,N for each such input of several',
      (text: string, before: string[] | undefined) => [...(before ?? []), text],
    )
    .addOption(
      new Option('--numeric-profile <profile>', 'numerics (default: FP32Strict)').choices(['FP32Strict', 'FP32']),
    )
    .action(async (text: string, _own: object, command: Command) => {
      const flags = command.optsWithGlobals<AddFlags>();
      const { name, version } = parseModelRef(text);
      if (version === undefined)
        throw new CliError('USAGE', `${JSON.stringify(text)} has no version; write NAME:VERSION`);
      const { uri, secret, file, deviceMemory, maxBatchSize, recordShape, numericProfile } = flags;
      const positive = (flag: string, value: string): number => {
        const number = Number(value);
        if (Number.isSafeInteger(number) && number > 0) return number;
        throw new CliError('USAGE', `${flag} is ${JSON.stringify(value)}; write positive integers`);
      };
      const settings = {
        ...{ ref: { name, version }, uri, secret },
        ...(file === undefined ? {} : { file }),
        ...(deviceMemory === undefined ? {} : { deviceMemory }),
        ...(maxBatchSize === undefined ? {} : { maxBatchSize: positive('--max-batch-size', maxBatchSize) }),
        ...(recordShape === undefined ? {} : { recordShapes: parseRecordShapes(recordShape, positive) }),
        ...(numericProfile === undefined ? {} : { numericProfile }),
      };
      await withConnection(flags, async ({ client }) => {
        const bar = new ProgressBar(process.stderr, 'reading');
        const onBytes = (done: number, total: number): void => bar.show(done, total, 'bytes');
        const added = await addModel(client, { ...settings, onBytes }).finally(() => bar.end());
        const object = `inferencemodel.isochrone.dev/${name}`;
        const next = `when a trusted node has measured it: kubectl isochrone model approve ${name}:${version} --wait 5m`;
        const text = `${object} has version ${version} (${added.sizeBytes} bytes, SHA-256 ${added.sha256})\n${next}\n`;
        print(render(added, flags.output, () => text, [object]));
      });
    });
}

/** @throws CliError USAGE */
function parseRecordShapes(
  texts: readonly string[],
  positive: (flag: string, value: string) => number,
): NonNullable<AddModelOptions['recordShapes']> {
  const shapes = texts.map((text) => {
    const equals = text.lastIndexOf('=');
    const shape = text
      .slice(equals + 1)
      .split(',')
      .map((part) => positive('--record-shape', part));
    return equals < 0 ? { shape } : { input: text.slice(0, equals), shape };
  });
  if (shapes.length === 1 || shapes.every((shape) => 'input' in shape)) return shapes;
  throw new CliError('USAGE', '--record-shape is there several times; write INPUT=N,N,... for each input');
}

function addApproveCommand(model: Command): void {
  formatOption(model.command('approve'), doneFormats)
    .description('Approve the reference time per record that a trusted node measured: jobs are paid by it.')
    .argument('<model>', 'NAME:VERSION, or NAME of a model with one version')
    .option('--wait <duration>', 'wait so long until it is measured, such as 5m', '0')
    .action(async (text: string, _own: object, command: Command) => {
      const flags = command.optsWithGlobals<PrintOptions & { wait: string }>();
      const ref = parseModelRef(text);
      const waitMilliseconds = parseDuration('--wait', flags.wait);
      await withConnection(flags, async ({ client }) => {
        const bar = new ProgressBar(process.stderr, 'measuring');
        const onWait = (message: string): void => bar.show(0, 1, message);
        const approval = await approveModel(client, ref, { waitMilliseconds, onWait }).finally(() => bar.end());
        const object = `inferencemodel.isochrone.dev/${ref.name}`;
        const cost = `${(approval.referenceNanosecondsPerRecord / 1e6).toFixed(3)} reference milliseconds per record`;
        const what = approval.changed ? 'approved' : 'already approved';
        print(render(approval, flags.output, () => `${object} ${what}: ${approval.version} at ${cost}\n`, [object]));
      });
    });
}
