import type { MeasuredRates } from './measured.js';

/** Written by `npm run bench:layers -- --write`. */
export const MEASURED_RATES: MeasuredRates = {
  cpu: 'AMD EPYC',
  device: {
    conv2d: { layer: 0, operation: 0.0731, value: 0 },
    'depthwise-conv2d': { layer: 0, operation: 0.159, value: 1.57e-15 },
    dense: { layer: 311, operation: 0.065, value: 15.6 },
    'binary-conv2d': { layer: 0, operation: 0.00397, value: 0.577 },
    'binary-dense': { layer: 4350, operation: 0.00584, value: 0 },
    other: { layer: 961, operation: 0, value: 0.27 },
  },
  edge: {
    conv2d: { layer: 0, operation: 0.0279, value: 0.38 },
    'depthwise-conv2d': { layer: 0, operation: 0, value: 0 },
    dense: { layer: 5980, operation: 0.302, value: 0 },
    'binary-conv2d': { layer: 0, operation: 0, value: 0 },
    'binary-dense': { layer: 0, operation: 0, value: 0 },
    other: { layer: 19800, operation: 0, value: 0 },
  },
  loadMs: 189,
  callMs: 0.027,
  requestMs: 3.33,
  fixedBytes: 13212,
};
