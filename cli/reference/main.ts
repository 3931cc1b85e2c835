/**
 * Prints the pages of docs/reference as one JSON object, by their file names; tools/generate writes them.
 *
 * Usage: node cli/reference/main.ts
 */
import { isochroneProgram } from '../program.ts';
import { kubectlProgram } from '../kubectl/program.ts';
import { commandOf } from '../service-command.ts';
import { services } from '../services.ts';
import { errorPage } from './error-page.ts';
import { metricsPage } from './metrics-page.ts';
import { programPage } from './program-page.ts';

// What is typed before a program's name would be a default of the page.
delete process.env['KEEP'];

const programs = Object.entries(services).map(async ([name, service]) => {
  const { options } = await service.load();
  return [name, commandOf(`isochrone ${name}`, service.description, options).command] as const;
});
const pages = {
  'kubectl-isochrone.md': programPage(kubectlProgram(), { typed: 'kubectl isochrone' }),
  'isochrone.md': programPage(
    isochroneProgram(() => undefined),
    { typed: 'isochrone', loaded: new Map(await Promise.all(programs)) },
  ),
  'errors.md': errorPage(),
  'metrics.md': metricsPage(),
};
process.stdout.write(JSON.stringify(pages));
