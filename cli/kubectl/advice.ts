import { findCondition } from '@isochrone/kube';
import { placementRemedies, type InferenceJob } from '@isochrone/api';

/** What to change for each reason of Admitted=False, Placed=False and Failed=True. */
const byReason: Readonly<Record<string, string>> = {
  ModelNotFound: 'Create the InferenceModel, or correct spec.modelRef.name in a new job.',
  ModelVersionNotFound: 'Add the version to the InferenceModel, or name one it has in a new job.',
  ModelNotAdmitted:
    'A trusted node must admit the model first: kubectl describe inferencemodel tells what it waits for.',
  ModelNotApproved:
    'An administrator copies status.versions[].proposedReferenceNanosecondsPerRecord of the InferenceModel to its spec.',
  InputNotFound: 'Upload the input, or name an existing object in a new job.',
  InputAccessDenied: 'Give the credentials of spec.input.credentialsSecretRef the right to read the input.',
  InputInvalid: 'Correct what the message names; the operator looks again by itself.',
  InputRefused: 'The address cannot be read as it is: the message says what to change, or whom to ask.',
  InputTooLarge: 'Split the input over several jobs, or write one uncompressed .npy object to S3: that is not copied.',
  InputDigestMismatch:
    'Upload the object with the digest of spec.input.sha256, or create a job with the digest it has.',
  InputTensorsMismatch: 'Name the fields of the records as the model names its inputs, all of them, in a new job.',
  InputTypeMismatch: "Convert the array to the model's data type (array.astype), and create a new job.",
  InputShapeMismatch: "Reshape the records to the model's input shape, and create a new job.",
  InputEmpty: 'The input has no records; upload one that has.',
  InputChanged:
    'The input was overwritten while it was read or run; write it once, then create a new job for the new bytes.',
  OutputNotWritable:
    'Give the credentials of spec.output.credentialsSecretRef the right to write below spec.output.uri.',
  OutputChanged: 'Somebody else writes below spec.output.uri; choose a prefix that nobody else writes to in a new job.',
  OutputExists: 'Another job wrote its manifest there; choose an empty prefix in a new job.',
  URIInvalid: 'Create a job with URIs of the form s3://bucket/key and s3://bucket/prefix/.',
  FileNotShared: 'file:// is for one machine; upload to S3 and name s3:// URIs.',
  SecretNotFound: 'Create the Secret in the namespace of the job; the message names it.',
  SecretInvalid: 'Correct the keys of the Secret; the message names them.',
  StorageUnavailable: 'The object store does not answer; it is tried again by itself.',
  InsufficientFunds: 'An administrator deposits: isochrone ledger deposit NAMESPACE AMOUNT.',
  BudgetExhausted:
    'Create a new job with a higher spec.budget.total; what is complete stays in the manifest only when all is.',
  SchedulerUnavailable: 'The operator cannot reach the scheduler; look at its logs and /readyz.',
  PlacementRefused:
    'The scheduler cannot read what the job asks for; the message names the field: correct it in a new job.',
  TooManyShards: 'Raise spec.recordsPerShard or split the input, in a new job.',
  BackoffLimitExceeded:
    'The model or the input failed again and again: status.failedShards tells which shards and why.',
  DeadlineExceeded: 'Raise spec.activeDeadlineSeconds or spec.parallelism in a new job.',
  VerificationInconclusive:
    "Honest nodes disagree beyond the model's tolerance: widen spec.versions[].tolerance, or use FP32Strict.",
  Suspended: 'Set spec.suspend to false to go on.',
};

/** One sentence per thing that would help, the most pressing first. Empty when nothing is wrong. */
export function advise(job: InferenceJob): string[] {
  const conditions = job.status?.conditions;
  const bad = [
    findCondition(conditions, 'Failed')?.status === 'True' ? findCondition(conditions, 'Failed') : undefined,
    findCondition(conditions, 'Admitted')?.status === 'False' ? findCondition(conditions, 'Admitted') : undefined,
    findCondition(conditions, 'Suspended')?.status === 'True' ? findCondition(conditions, 'Suspended') : undefined,
    findCondition(conditions, 'Placed')?.status === 'False' ? findCondition(conditions, 'Placed') : undefined,
  ];
  const reasons = bad.flatMap((condition) => (condition === undefined ? [] : [condition.reason]));
  const isWaiting = reasons.includes('NoNodeFits');
  const rejects = isWaiting ? (job.status?.scheduling?.rejects ?? []) : [];
  const counts = new Map<string, number>();
  for (const { plugin, count } of rejects) counts.set(plugin, (counts.get(plugin) ?? 0) + count);
  const perPlugin = [...counts]
    .sort(([, a], [, b]) => b - a)
    .flatMap(([plugin, count]) => {
      const remedy = placementRemedies[plugin];
      return remedy === undefined ? [] : [`${count} node${count === 1 ? '' : 's'} would pass ${plugin}: ${remedy}.`];
    });
  const perReason = reasons.flatMap((reason) => byReason[reason] ?? []);
  return [...perReason, ...perPlugin];
}
