import { join } from 'node:path';
import type { ProgramSpecification } from './program-processes.ts';

/** PEM files for mutual TLS between the operator and the scheduler. */
export interface SchedulerTls {
  readonly ca: string;
  readonly server: { readonly certificate: string; readonly key: string };
  readonly client: { readonly certificate: string; readonly key: string };
}

/** The command lines of the programs in a local federation. */
export function schedulerProgram(
  kubeconfig: string,
  listenAddress: string,
  { ca, server }: SchedulerTls,
): ProgramSpecification {
  return {
    name: 'scheduler',
    program: 'scheduler',
    flags: {
      kubeconfig,
      'listen-address': listenAddress,
      'tls-cert-file': server.certificate,
      'tls-key-file': server.key,
      'tls-client-ca-file': ca,
    },
  };
}

export function operatorProgram(settings: {
  readonly kubeconfig: string;
  readonly schedulerAddress: string;
  readonly schedulerTls: SchedulerTls;
  readonly ledger: string;
  readonly leaseSeconds?: number;
}): ProgramSpecification {
  const { kubeconfig, schedulerAddress, schedulerTls, ledger, leaseSeconds } = settings;
  return {
    name: 'operator',
    program: 'operator',
    flags: {
      kubeconfig,
      'scheduler-address': schedulerAddress,
      'scheduler-ca-file': schedulerTls.ca,
      'scheduler-cert-file': schedulerTls.client.certificate,
      'scheduler-key-file': schedulerTls.client.key,
      ledger,
      ...(leaseSeconds === undefined ? {} : { 'edge-lease-seconds': String(leaseSeconds) }),
    },
  };
}

export function edgeProgram(
  cluster: string,
  settings: { readonly joinTokenFile: string; readonly memberKubeconfig: string },
): ProgramSpecification {
  const { joinTokenFile, memberKubeconfig } = settings;
  return {
    name: `edge-${cluster}`,
    program: 'edge',
    flags: { cluster, 'join-token-file': joinTokenFile, 'member-kubeconfig': memberKubeconfig },
  };
}

export function verifierProgram(node: string, folder: string): ProgramSpecification {
  return {
    name: `verifier-${node}`,
    program: 'verifier',
    flags: { 'state-directory': join(folder, 'verifier'), 'verifier-socket': socketOf(folder) },
  };
}

export function agentProgram(
  node: string,
  folder: string,
  { kubeconfig, price }: { readonly kubeconfig: string; readonly price: string },
): ProgramSpecification {
  return {
    name: `agent-${node}`,
    program: 'agent',
    flags: {
      kubeconfig,
      'node-name': node,
      'state-directory': join(folder, 'agent'),
      'verifier-socket': socketOf(folder),
      'ask-price-per-thousand-reference-seconds': price,
    },
  };
}

function socketOf(folder: string): string {
  return join(folder, 'verifier.sock');
}
