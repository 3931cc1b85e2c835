import { status as grpcStatus } from '@grpc/grpc-js';
import { errorTable } from '@isochrone/kube';
import { ledgerErrors } from '@isochrone/ledger';
import { agentErrors, verifierErrors } from '@isochrone/node-agent/agent';
import { operatorErrors } from '@isochrone/operator/storage';
import { schedulerErrors } from '@isochrone/scheduler';
import { serviceErrors } from '@isochrone/service';
import { tensorErrors } from '@isochrone/tensor';
import { toolErrors } from '@isochrone/tools/errors';
import { verificationErrors } from '@isochrone/verification';
import { cliErrors, exitStatusOf } from '../errors.ts';
import { code, generatedNote, markdownTable, plain } from './markdown.ts';

interface ErrorEntry {
  readonly meaning: string;
  /** Name, or number, of a gRPC status. */
  readonly grpc?: string | number;
  readonly http?: number;
}

/** By what a reader knows them from. */
const packages: Readonly<Record<string, Readonly<Record<string, ErrorEntry | string>>>> = {
  'Command lines': cliErrors,
  'Options and start of a program': serviceErrors,
  'Kubernetes API': errorTable,
  'Operator and storage': operatorErrors,
  Ledger: ledgerErrors,
  Scheduler: schedulerErrors,
  'Node agent': agentErrors,
  'Verifier sidecar': verifierErrors,
  Verification: verificationErrors,
  Tensors: tensorErrors,
  'Development tools': toolErrors,
};

/** Every named error: what it means, and what it comes to as the end of a program, over gRPC and over HTTP. */
export function errorPage(): string {
  const sections = Object.entries(packages).map(([name, table]) => `## ${name}\n\n${errorRows(table)}`);
  return [
    generatedNote,
    '# Errors',
    'Codes are stable; messages are not: they name the field, the value and the remedy. The exit status is that of a program that ends with the error. A request that the API server refuses ends with 4 where something is not found, 5 where it is forbidden, 3 where the server is overloaded or away, and 1 otherwise.',
    ...sections,
    '',
  ].join('\n\n');
}

function errorRows(table: Readonly<Record<string, ErrorEntry | string>>): string {
  const entries = Object.entries(table).map(
    ([name, entry]) => [name, typeof entry === 'string' ? { meaning: entry } : entry] as const,
  );
  const hasGrpc = entries.some(([, { grpc }]) => grpc !== undefined);
  const hasHttp = entries.some(([, { http }]) => http !== undefined);
  const rows = entries.map(([name, { meaning, grpc, http }]) => [
    code(name),
    plain(meaning),
    String(exitStatusOf(Object.assign(new Error(name), { code: name }))),
    ...(hasGrpc ? [typeof grpc === 'number' ? grpcStatus[grpc]! : (grpc ?? '')] : []),
    ...(hasHttp ? [String(http ?? '')] : []),
  ]);
  return markdownTable(['Code', 'Meaning', 'Exit', ...(hasGrpc ? ['gRPC'] : []), ...(hasHttp ? ['HTTP'] : [])], rows);
}
