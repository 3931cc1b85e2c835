export { joinOutcomeOf, outcomeMessages } from './decide-request.ts';
export type { JoinOutcome } from './decide-request.ts';
export { formatJoinToken, parseJoinToken } from './join-token.ts';
export type { JoinToken } from './join-token.ts';
export { tokenObjects } from './objects.ts';
export type { TokenObjects } from './objects.ts';
export { fingerprintOf, generateJoinKey, unseal } from './seal.ts';
export type { JoinKey } from './seal.ts';
