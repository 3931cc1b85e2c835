import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  utcTime,
  utf8String,
} from './der.ts';

/** Certificate and private key, both PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

export interface ClientName {
  /** Common name: what Kubernetes takes for the user. */
  readonly user: string;
  /** Organisations: what Kubernetes takes for the user's groups. */
  readonly groups?: readonly string[];
}

/**
 * A throwaway certificate authority (ECDSA P-256, X.509 v3, RFC 5280) that lives as long as one local control plane. Its own
 * encoding, because Node makes no certificates and twelve runs of openssl take longer than a whole API server's start.
 */
export class CertificateAuthority {
  /** PEM, for clients. */
  readonly certificate: string;
  readonly #key: KeyObject;
  readonly #name: Buffer;

  constructor(commonName: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = privateKey;
    this.#name = distinguishedName(commonName, []);
    this.certificate = this.#sign(this.#name, publicKey, [
      extension('2.5.29.19', true, sequence(boolean(true))), // basicConstraints: cA
      extension('2.5.29.15', true, bitString(Buffer.from([0x86]), 1)), // keyUsage: digitalSignature, keyCertSign, cRLSign
    ]);
  }

  /** @param names host names and IPv4 addresses that the certificate is for. */
  issueServer(commonName: string, names: readonly string[]): Identity {
    const alternatives = names.map((name) =>
      isIP(name) === 4 ? implicit(7, Buffer.from(name.split('.').map(Number))) : implicit(2, Buffer.from(name)),
    );
    return this.#issue(distinguishedName(commonName, []), '1.3.6.1.5.5.7.3.1', [
      extension('2.5.29.17', false, sequence(...alternatives)), // subjectAltName
    ]);
  }

  issueClient({ user, groups = [] }: ClientName): Identity {
    return this.#issue(distinguishedName(user, groups), '1.3.6.1.5.5.7.3.2', []);
  }

  #issue(subject: Buffer, extendedKeyUsage: string, extensions: readonly Buffer[]): Identity {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const certificate = this.#sign(subject, publicKey, [
      extension('2.5.29.15', true, bitString(Buffer.from([0x80]), 7)), // keyUsage: digitalSignature
      extension('2.5.29.37', false, sequence(objectIdentifier(extendedKeyUsage))),
      ...extensions,
    ]);
    return { certificate, key: privatePem(privateKey) };
  }

  #sign(subject: Buffer, publicKey: KeyObject, extensions: readonly Buffer[]): string {
    const algorithm = sequence(objectIdentifier('1.2.840.10045.4.3.2')); // ecdsa-with-SHA256
    const serial = randomBytes(16);
    serial[0] = 0x40 | (serial[0]! & 0x3f); // positive and without a leading zero
    const body = sequence(
      explicit(0, integer(Buffer.from([2]))), // version 3
      integer(serial),
      algorithm,
      this.#name,
      validity(new Date()),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      explicit(3, sequence(...extensions)),
    );
    return pem('CERTIFICATE', sequence(body, algorithm, bitString(sign('sha256', body, this.#key))));
  }
}

export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** What ServiceAccount tokens are signed with, PEM. */
export function makeTokenKey(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: privatePem(privateKey),
  };
}

/** SEC 1, because kube-apiserver reads no other form of EC key for tokens. */
function privatePem(key: KeyObject): string {
  return key.export({ type: 'sec1', format: 'pem' }).toString();
}

function distinguishedName(commonName: string, organizations: readonly string[]): Buffer {
  const attribute = (type: string, value: string): Buffer => set(sequence(objectIdentifier(type), utf8String(value)));
  return sequence(...organizations.map((name) => attribute('2.5.4.10', name)), attribute('2.5.4.3', commonName));
}

function extension(type: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectIdentifier(type), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** From an hour ago, for clocks that differ, for thirty days. */
function validity(now: Date): Buffer {
  const hour = 3_600_000;
  return sequence(utcTime(new Date(now.getTime() - hour)), utcTime(new Date(now.getTime() + 30 * 24 * hour)));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
