export { describeCrash } from './describe-crash.ts';
export { describeDump } from './describe-dump.ts';
export { describeModel } from './describe-model.ts';
export { describeRules } from './describe-rules.ts';
export { sqliteEngine } from './engine.ts';
export type { Engine } from './engine.ts';
export { BOOKS, refused } from './hand-written-books.ts';
