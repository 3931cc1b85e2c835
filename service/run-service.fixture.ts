/** A process for run-service.test.ts; the argument names what its program does. */
import { runService } from './run-service.ts';

const options = { metricsAddress: process.argv[3] ?? '127.0.0.1:0', logLevel: 'info' } as const;
const status = await runService('fixture', '0', options, async ({ signal, health }) => {
  health.readiness('fixture', () => true);
  switch (process.argv[2]) {
    case 'fails':
      throw new Error('no token=abc');
    case 'ends':
      return;
    case 'throws-later':
      setTimeout(() => {
        throw new Error('late');
      }, 1);
      break;
    case 'rejects-later':
      void Promise.reject(new Error('unhandled'));
      break;
    case 'ignores':
      await new Promise(() => undefined);
      break;
    default:
  }
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
});
process.exit(status);
