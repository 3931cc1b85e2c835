import { request } from 'node:https';
import type { Identity } from './certificate-authority.ts';

const timeout = 5_000;

/** The HTTP status of one GET with a client certificate. One connection per call: nothing stays open. */
export function getStatus(url: URL, ca: string, client: Identity): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = request(url, { ca, cert: client.certificate, key: client.key, agent: false, timeout }, (response) => {
      response
        .resume()
        .on('end', () => resolve(response.statusCode))
        .on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error(`${url.href} did not answer within ${timeout} ms`)));
    call.on('error', reject);
    call.end();
  });
}
