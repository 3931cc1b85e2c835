import { CliError } from '../errors.ts';

/** What Kubernetes takes as the name of a namespace (RFC 1123, DNS label). */
const namespaceName = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const accountName = new RegExp(`^(?:namespace/${namespaceName}|provider/[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)$`);

/** @throws CliError USAGE */
export function assertNamespace(name: string): void {
  if (new RegExp(`^${namespaceName}$`).test(name)) return;
  throw new CliError(
    'USAGE',
    `namespace is ${JSON.stringify(name)}; write the name of a Kubernetes namespace, such as vision`,
  );
}

/** @throws CliError USAGE */
export function assertAccount(account: string): void {
  if (accountName.test(account)) return;
  throw new CliError('USAGE', `account is ${JSON.stringify(account)}; write namespace/NAME or provider/NAME`);
}
