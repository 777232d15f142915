/** ONNX Runtime without telemetry. Import it from here, never from the package (lint checks this). */
import './no-telemetry.js';

export * from 'onnxruntime-node';
