import type { NodeReportSpec } from '@isochrone/api';
import { parseQuantity } from '@isochrone/kube';
import { LedgerError, parseMoney } from '@isochrone/ledger';

/** No machine has so much device memory: a claim beyond it is a mistake or a lie. 16 TiB. */
const largestDeviceMemory = 16 * 2 ** 40;

/** The largest report that is read, in bytes of JSON; 64 devices and 64 models need less. */
const largestReportBytes = 128 * 1024;

/**
 * What is wrong with a report, field by field. The schema of the API has been enforced; this is what a schema cannot say.
 *
 * @returns one message per fault, each with field, value and remedy; empty when it can be accepted
 */
export function checkReport(spec: NodeReportSpec): string[] {
  const bytes = Buffer.byteLength(JSON.stringify(spec));
  if (bytes > largestReportBytes) return [`spec: ${bytes} bytes; at most ${largestReportBytes} are read`];
  const faults: string[] = [];
  if (Buffer.from(spec.publicKey, 'base64').length !== 32) {
    faults.push('spec.publicKey: not 32 bytes in base64; it must be the Ed25519 key of the verifier sidecar');
  }
  spec.inventory.devices.forEach(({ uuid, memory, type, executionProviders }, index) => {
    const field = `spec.inventory.devices[${index}]`;
    if (!/^[\x21-\x7e]+$/.test(uuid))
      faults.push(`${field}.uuid: ${JSON.stringify(uuid)} has other than visible ASCII`);
    const size = parseQuantity(memory);
    if (size === undefined || size === 0 || size > largestDeviceMemory) {
      faults.push(`${field}.memory: ${JSON.stringify(memory)}; write a quantity above 0 and up to 16Ti`);
    }
    if (type === 'cpu' && executionProviders.some((provider) => provider !== 'CPU')) {
      faults.push(
        `${field}.executionProviders: [${executionProviders.join(', ')}] on a device of type cpu; only CPU runs there`,
      );
    }
  });
  const price = spec.ask.pricePerThousandReferenceSeconds;
  try {
    parseMoney(price);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    faults.push(`spec.ask.pricePerThousandReferenceSeconds: ${JSON.stringify(price)}: ${error.message}`);
  }
  return faults;
}
