#!/usr/bin/env node
import { execute } from './execute.ts';
import { isochroneProgram } from './program.ts';

// A program may leave handles open; what it owes has been done when it resolves.
process.exit(await execute(isochroneProgram, process.argv.slice(2)));
