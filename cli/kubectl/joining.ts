export { acceptEdge } from './accept-edge.ts';
export { createEdgeToken } from './create-edge-token.ts';
export type { EdgeToken, EdgeTokenSettings } from './create-edge-token.ts';
export { revokeEdgeToken } from './edge-tokens.ts';
export { leaveEdge } from './leave-edge.ts';
export { revokeEdge } from './revoke-edge.ts';
