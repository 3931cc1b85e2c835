import { after } from 'node:test';
import { systemClock } from '@isochrone/kube';
import { RuntimePool } from '../runtime/runtime-pool.ts';
import { quietLogger } from './quiet-logger.ts';

/** A pool of real runtime processes, closed after the tests. */
export function testPool(): RuntimePool {
  const pool = new RuntimePool({
    clock: systemClock,
    logger: quietLogger,
    environment: process.env,
    idleMilliseconds: 60_000,
    onRestart: () => undefined,
  });
  after(() => pool.close());
  return pool;
}
