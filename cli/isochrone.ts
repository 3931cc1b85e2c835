#!/usr/bin/env node
import { execute } from './execute.ts';
import { isochroneProgram } from './program.ts';

// A program may leave handles open; what it owes has been done when it resolves. No await: a bundle is no module.
void execute(isochroneProgram, process.argv.slice(2)).then((status) => process.exit(status));
