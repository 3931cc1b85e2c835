/** Runs one program of the node agent as its own process: `program.ts agent|verifier <options as JSON>`. */
import { runAgent } from '@isochrone/node-agent/agent';
import { runVerifier } from '@isochrone/node-agent/verifier';
import { runService } from '@isochrone/service';

const [name, json] = process.argv.slice(2);
const options = JSON.parse(json!) as never;
const service = { metricsAddress: '127.0.0.1:0', logLevel: 'debug' as const };
process.exitCode = await runService(name!, '0.0.0', service, (context) =>
  name === 'agent' ? runAgent(options, context) : runVerifier(options, context),
);
