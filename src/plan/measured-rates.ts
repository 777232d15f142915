import type { MeasuredRates } from './measured.js';

/** Written by `npm run bench:layers -- --write`. */
export const MEASURED_RATES: MeasuredRates = {
  cpu: 'AMD EPYC',
  device: {
    conv2d: { layer: 4260, operation: 0.0806, value: 0 },
    'depthwise-conv2d': { layer: 0, operation: 0.231, value: 1.27e-16 },
    dense: { layer: 6.02, operation: 0.093, value: 92.3 },
    'binary-conv2d': { layer: 0, operation: 0.00531, value: 0.738 },
    'binary-dense': { layer: 0, operation: 0.0132, value: 0 },
    other: { layer: 0, operation: 0, value: 0.497 },
  },
  edge: {
    conv2d: { layer: 0, operation: 0.0115, value: 1.53 },
    'depthwise-conv2d': { layer: 0, operation: 0, value: 0 },
    dense: { layer: 6810, operation: 0.0951, value: 0 },
    'binary-conv2d': { layer: 0, operation: 0, value: 0 },
    'binary-dense': { layer: 0, operation: 0, value: 0 },
    other: { layer: 0, operation: 0, value: 0.827 },
  },
  loadMs: 624,
  callMs: 0,
  requestMs: 13.3,
  fixedBytes: 13212,
};
