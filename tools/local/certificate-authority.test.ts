import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, get, type RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import { CertificateAuthority, makeTokenKey } from './certificate-authority.ts';

test('certificates say what they were asked to say, and the authority signed them', () => {
  const authority = new CertificateAuthority('test-ca');
  const ca = new X509Certificate(authority.certificate);
  assert.ok(ca.ca);
  assert.equal(ca.subject, 'CN=test-ca');

  const server = new X509Certificate(
    authority.issueServer('server', ['127.0.0.1', 'localhost', 'a.example']).certificate,
  );
  assert.ok(server.checkIssued(ca) && server.verify(ca.publicKey));
  assert.equal(server.subjectAltName, 'IP Address:127.0.0.1, DNS:localhost, DNS:a.example');
  assert.equal(server.ca, false);

  const client = new X509Certificate(
    authority.issueClient({ user: 'alice', groups: ['system:masters', 'ops'] }).certificate,
  );
  assert.equal(client.subject, 'O=system:masters\nO=ops\nCN=alice');
  assert.ok(client.validFromDate < new Date() && client.validToDate > new Date());
});

test('names longer than the short form of a length, and in any script', () => {
  const user = `user-${'ü'.repeat(100)}`;
  const { certificate } = new CertificateAuthority('test-ca').issueClient({ user });
  assert.equal(new X509Certificate(certificate).toLegacyObject().subject.CN, user);
});

test('a hundred certificates are all well formed (signatures and serials vary in length)', () => {
  const authority = new CertificateAuthority('test-ca');
  const ca = new X509Certificate(authority.certificate);
  const serials = new Set<string>();
  for (let index = 0; index < 100; index += 1) {
    const certificate = new X509Certificate(authority.issueClient({ user: `user-${index}` }).certificate);
    assert.ok(certificate.verify(ca.publicKey));
    serials.add(certificate.serialNumber);
  }
  assert.equal(serials.size, 100);
});

test('TLS stands on both sides, and another authority is refused', async () => {
  const authority = new CertificateAuthority('test-ca');
  const server = authority.issueServer('server', ['127.0.0.1']);
  const listener = createServer(
    { cert: server.certificate, key: server.key, ca: authority.certificate, requestCert: true },
    (request, response) => {
      response.end(peerOf(request).subject.CN);
    },
  );
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const call = async (options: RequestOptions): Promise<string> => {
    const [response] = (await once(
      get({ host: '127.0.0.1', port: (listener.address() as AddressInfo).port, agent: false, ...options }),
      'response',
    )) as [IncomingMessage];
    return text(response);
  };
  try {
    const { certificate: cert, key } = authority.issueClient({ user: 'alice' });
    assert.equal(await call({ ca: authority.certificate, cert, key }), 'alice');
    const stranger = new CertificateAuthority('test-ca');
    await assert.rejects(call({ ca: stranger.certificate, cert, key }), /certificate/);
    const { certificate, key: strangerKey } = stranger.issueClient({ user: 'alice' });
    await assert.rejects(call({ ca: authority.certificate, cert: certificate, key: strangerKey }));
  } finally {
    listener.close();
  }
});

test('token keys are one pair', () => {
  const { publicKey, privateKey } = makeTokenKey();
  const derived = createPublicKey(createPrivateKey(privateKey)).export({ type: 'spki', format: 'pem' });
  assert.equal(derived, publicKey);
});

function peerOf({ socket }: IncomingMessage): PeerCertificate {
  assert.ok(socket instanceof TLSSocket);
  return socket.getPeerCertificate();
}
