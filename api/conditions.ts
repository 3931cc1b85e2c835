/** Condition types and their reasons. A reason is part of the API: users match on it. */

export const conditions = {
  provider: { Active: ['Active', 'Suspended'] },
  edgeCluster: {
    Registered: ['Registered', 'ProviderNotFound', 'NamespaceConflict', 'Deleting'],
    CredentialValid: ['Issued', 'Expired', 'IssueFailed'],
    Ready: ['LeaseRenewed', 'NeverSeen', 'Unreachable', 'NotRegistered'],
  },
  inferenceNode: {
    Ready: ['AgentReady', 'AgentNotReady', 'ClusterUnreachable', 'ReportInvalid', 'KeyChanged', 'DeviceClaimedTwice'],
    Trusted: ['NoEvidenceAgainst', 'Quarantined'],
  },
  inferenceModel: {
    Admitted: [
      'Admitted',
      'Admitting',
      'NoTrustedNode',
      'DigestMismatch',
      'ModelUnavailable',
      'ModelInvalid',
      'UnsupportedTensor',
      'NeedsRecordShape',
      'AdmissionFailed',
    ],
    Approved: ['Approved', 'ReferenceCostMissing'],
  },
  inferenceJob: {
    Admitted: [
      'Admitted',
      'ModelNotFound',
      'ModelVersionNotFound',
      'ModelNotAdmitted',
      'ModelNotApproved',
      'InputNotFound',
      'InputAccessDenied',
      'InputInvalid',
      'InputTypeMismatch',
      'InputShapeMismatch',
      'InputEmpty',
      'OutputNotWritable',
      'OutputExists',
      'FileNotShared',
      'SecretNotFound',
      'SecretInvalid',
      'StorageUnavailable',
      'QuantityInvalid',
      'InputChanged',
      'TooManyShards',
    ],
    Placed: ['Placed', 'NoNodeFits', 'InsufficientFunds', 'BudgetExhausted', 'SchedulerUnavailable'],
    Complete: ['AllShardsVerified', 'InProgress'],
    Failed: [
      'BackoffLimitExceeded',
      'DeadlineExceeded',
      'InputChanged',
      'OutputNotWritable',
      'BudgetExhausted',
      'VerificationInconclusive',
      'Running',
    ],
    Suspended: ['Suspended', 'Resumed'],
  },
} as const;

/** Reasons of a failed task. The class says who bears it: faults of a provider are free to the user. */
export const taskFailures = {
  Provider: [
    'OutOfCapacity',
    'ModelUnavailable',
    'ModelDigestMismatch',
    'RuntimeCrashed',
    'ExecutionProviderUnavailable',
    'TaskTimeout',
    'StorageExpired',
    'StorageUnavailable',
    'OutputExists',
    'VerifierUnavailable',
    'AgentInternal',
  ],
  Model: ['ModelInvalid', 'UnsupportedTensor', 'NeedsRecordShape', 'RunFailed', 'OutOfMemory'],
  Input: ['InputChanged', 'InputNotFound', 'InputTruncated', 'InputRejected'],
  Output: ['OutputRejected', 'OutputNotPerRecord'],
} as const;
