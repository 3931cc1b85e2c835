#!/usr/bin/env node
import { execute } from './execute.ts';
import { kubectlProgram } from './kubectl/program.ts';

// No await: a bundle is no module.
void execute(kubectlProgram, process.argv.slice(2)).then((status) => (process.exitCode = status));
