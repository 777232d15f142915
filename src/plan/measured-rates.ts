import type { MeasuredRates } from './measured.js';

/** Written by `npm run bench:layers -- --write`. */
export const MEASURED_RATES: MeasuredRates = {
  cpu: 'AMD EPYC',
  device: {
    conv2d: { layer: 6540, operation: 0.0457, value: 0 },
    'depthwise-conv2d': { layer: 0, operation: 0.15, value: 0 },
    dense: { layer: 377, operation: 0.0779, value: 5.07 },
    'binary-conv2d': { layer: 1610, operation: 0.00293, value: 0.522 },
    'binary-dense': { layer: 2940, operation: 0.00627, value: 0.0841 },
    other: { layer: 1330, operation: 0, value: 0.242 },
  },
  edge: {
    conv2d: { layer: 16000, operation: 0.00482, value: 0 },
    'depthwise-conv2d': { layer: 8110, operation: 0.096, value: 0 },
    dense: { layer: 6230, operation: 0.0423, value: 0 },
    'binary-conv2d': { layer: 0, operation: 0, value: 0 },
    'binary-dense': { layer: 0, operation: 0, value: 0 },
    other: { layer: 0, operation: 0, value: 0.826 },
  },
  loadMs: 35,
  callMs: 0.0724,
  requestMs: 3.7,
  fixedBytes: 13492,
};
