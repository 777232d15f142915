import type { MeasuredRates } from './measured.js';

/** Written by `npm run bench:layers -- --write`. */
export const MEASURED_RATES: MeasuredRates = {
  cpu: 'AMD EPYC',
  device: {
    conv2d: { layer: 9900, operation: 0.0442, value: 0 },
    'depthwise-conv2d': { layer: 0, operation: 0.136, value: 0 },
    dense: { layer: 81.2, operation: 0.072, value: 26 },
    'binary-conv2d': { layer: 0, operation: 0.00284, value: 0.611 },
    'binary-dense': { layer: 2540, operation: 0.00645, value: 0 },
    other: { layer: 1110, operation: 0, value: 0.172 },
  },
  edge: {
    conv2d: { layer: 0, operation: 0.0104, value: 0.676 },
    'depthwise-conv2d': { layer: 119, operation: 0, value: 0 },
    dense: { layer: 5970, operation: 0.0971, value: 0 },
    'binary-conv2d': { layer: 0, operation: 0, value: 0 },
    'binary-dense': { layer: 0, operation: 0, value: 0 },
    other: { layer: 0, operation: 0, value: 0.472 },
  },
  loadMs: 38.6,
  callMs: 0.0404,
  requestMs: 3.8,
  fixedBytes: 13212,
};
