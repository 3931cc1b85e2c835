import { Counter, type Registry } from 'prom-client';

export interface VerifierMetrics {
  readonly receipts: Counter;
  readonly records: Counter;
  readonly openings: Counter;
  readonly refusals: Counter<'code'>;
}

export function verifierMetrics(registry: Registry): VerifierMetrics {
  const registers = [registry];
  return {
    receipts: new Counter({ name: 'isochrone_verifier_receipts_signed_total', help: 'Receipts signed.', registers }),
    records: new Counter({
      name: 'isochrone_verifier_records_total',
      help: 'Records digested, signed or not.',
      registers,
    }),
    openings: new Counter({
      name: 'isochrone_verifier_openings_total',
      help: 'Leaves opened for a challenge.',
      registers,
    }),
    refusals: new Counter({
      name: 'isochrone_verifier_refusals_total',
      help: 'Requests refused, by error code.',
      labelNames: ['code'],
      registers,
    }),
  };
}
