import { stringify } from 'yaml';
import type { DATATYPES } from '../bundle/datatypes.js';
import { entryPointsOf } from '../bundle/entry-points.js';
import type { EntryPoint, Manifest } from '../bundle/manifest.js';

/** The largest batch of requests in one run of the tail, and how long the first request waits for others. */
const MAX_BATCH = 32;
const MAX_DELAY_MICROSECONDS = 2000;

/**
 * A bundle's entry points for other servers of the Open Inference Protocol: a model repository for Triton with a model for each
 * of them, and the configuration files that OpenVINO Model Server and KServe need besides it.
 *
 * @param modelOf the ONNX model of an entry point, with everything up to the logits
 * @returns files by their path in the folder
 */
export function modelRepository(
  manifest: Manifest,
  modelOf: (entry: EntryPoint) => Uint8Array,
): Map<string, Uint8Array> {
  const entries = entryPointsOf(manifest);
  const names = entries.map(({ model }) => model);
  return new Map([
    ...entries.flatMap((entry): [string, Uint8Array][] => [
      [`models/${entry.model}/config.pbtxt`, Buffer.from(tritonConfig(manifest, entry))],
      [`models/${entry.model}/1/model.onnx`, modelOf(entry)],
    ]),
    ['openvino-model-server.json', Buffer.from(openvinoConfig(names))],
    ['kserve.yaml', Buffer.from(inferenceService(manifest.name))],
  ]);
}

/** Triton's model configuration, in protobuf's text format. Dimensions don't include the batch. */
function tritonConfig({ name, version, labels }: Manifest, entry: EntryPoint): string {
  const tensor = (title: string, type: string, dims: readonly number[]) =>
    `[ { name: ${JSON.stringify(title)} data_type: TYPE_${type} dims: [ ${dims.join(', ')} ] } ]`;
  const datatype: keyof typeof DATATYPES = entry.datatype ?? 'FP32';
  const given = entry.from === 'image' ? 'the image' : `the output of exit ${entry.from}`;
  return [
    `# The rest of the network of ${name} ${version}, from ${given}.`,
    `name: ${JSON.stringify(entry.model)}`,
    'backend: "onnxruntime"',
    `max_batch_size: ${MAX_BATCH}`,
    `input ${tensor(entry.input, datatype, entry.shape)}`,
    `output ${tensor(entry.output, 'FP32', [labels.length])}`,
    `dynamic_batching { max_queue_delay_microseconds: ${MAX_DELAY_MICROSECONDS} }`,
    '',
  ].join('\n');
}

/**
 * The configuration of OpenVINO Model Server. The folder is mounted as /lcdnn. By default, OpenVINO computes in bfloat16 on
 * processors that have it, which gives some images another class.
 */
function openvinoConfig(names: readonly string[]): string {
  const configs = names.map((name) => ({
    config: {
      name,
      base_path: `/lcdnn/models/${name}`,
      plugin_config: { INFERENCE_PRECISION_HINT: 'f32' },
    },
  }));
  return `${JSON.stringify({ model_config_list: configs }, null, 2)}\n`;
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
