#!/usr/bin/env node
import { execute } from './execute.ts';
import { kubectlProgram } from './kubectl/program.ts';

process.exitCode = await execute(kubectlProgram, process.argv.slice(2));
