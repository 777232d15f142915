import { stringify } from 'yaml';
import type { DATATYPES } from '../bundle/datatypes.js';
import type { Manifest } from '../bundle/manifest.js';

/** The largest batch of requests in one run of the tail, and how long the first request waits for others. */
const MAX_BATCH = 32;
const MAX_DELAY_MICROSECONDS = 2000;

/**
 * A bundle's tail for other servers of the Open Inference Protocol: a model repository for Triton, and the configuration
 * files that OpenVINO Model Server and KServe need besides it.
 *
 * @returns files by their path in the folder
 */
export function modelRepository(manifest: Manifest, tail: Uint8Array): Map<string, Uint8Array> {
  const { name } = manifest;
  const folder = `models/${name}`;
  return new Map([
    [`${folder}/config.pbtxt`, Buffer.from(tritonConfig(manifest))],
    [`${folder}/1/model.onnx`, tail],
    ['openvino-model-server.json', Buffer.from(openvinoConfig(name))],
    ['kserve.yaml', Buffer.from(inferenceService(name))],
  ]);
}

/** Triton's model configuration, in protobuf's text format. Dimensions don't include the batch. */
function tritonConfig({ name, version, tail, labels }: Manifest): string {
  const tensor = (title: string, type: string, dims: readonly number[]) =>
    `[ { name: ${JSON.stringify(title)} data_type: TYPE_${type} dims: [ ${dims.join(', ')} ] } ]`;
  const datatype: keyof typeof DATATYPES = tail.datatype ?? 'FP32';
  return [
    `# The rest of the network of ${name} ${version}.`,
    `name: ${JSON.stringify(name)}`,
    'backend: "onnxruntime"',
    `max_batch_size: ${MAX_BATCH}`,
    `input ${tensor(tail.input, datatype, tail.shape)}`,
    `output ${tensor(tail.output, 'FP32', [labels.length])}`,
    `dynamic_batching { max_queue_delay_microseconds: ${MAX_DELAY_MICROSECONDS} }`,
    '',
  ].join('\n');
}

/**
 * The configuration of OpenVINO Model Server. The folder is mounted as /lcdnn. By default, OpenVINO computes in bfloat16 on
 * processors that have it, which gives some images another class.
 */
function openvinoConfig(name: string): string {
  const config = {
    name,
    base_path: `/lcdnn/models/${name}`,
    plugin_config: { INFERENCE_PRECISION_HINT: 'f32' },
  };
  return `${JSON.stringify({ model_config_list: [{ config }] }, null, 2)}\n`;
}

/** A KServe InferenceService on its Triton runtime, which reads the folder `models` of a volume named lcdnn-models. */
function inferenceService(name: string): string {
  return stringify({
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    metadata: { name },
    spec: {
      predictor: {
        model: {
          modelFormat: { name: 'onnx' },
          runtime: 'kserve-tritonserver',
          protocolVersion: 'v2',
          storageUri: 'pvc://lcdnn-models/models',
        },
      },
    },
  });
}
