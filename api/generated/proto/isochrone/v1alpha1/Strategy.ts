// Original file: proto/isochrone/v1alpha1/scheduler.proto

export const Strategy = {
  BALANCED: 'BALANCED',
  LATENCY: 'LATENCY',
  COST: 'COST',
} as const;

export type Strategy =
  | 'BALANCED'
  | 0
  | 'LATENCY'
  | 1
  | 'COST'
  | 2

export type Strategy__Output = typeof Strategy[keyof typeof Strategy]
