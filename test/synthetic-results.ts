import {
  type AnswerTimes,
  APPROACHES,
  type Approach,
  RESULTS_FORMAT,
  type SystemResults,
} from '../src/baselines/results/results.js';
import { CONNECTIONS, transferMs } from '../src/plan/connections.js';

/** A network of the model below: bytes, ms on this machine's processor, exits. */
interface Model {
  readonly network: string;
  readonly dataset: string;
  readonly fullBytes: number;
  readonly branchBytes: number;
  readonly fullMs: number;
  readonly branchMs: number;
  readonly exitRatio: number;
  readonly accuracy: number;
}

const MODELS: readonly Model[] = [
  {
    network: 'lenet',
    dataset: 'mnist',
    fullBytes: 1.7e6,
    branchBytes: 6e4,
    fullMs: 2,
    branchMs: 0.3,
    exitRatio: 0.95,
    accuracy: 0.993,
  },
  {
    network: 'alexnet',
    dataset: 'cifar-10',
    fullBytes: 9e7,
    branchBytes: 3.1e6,
    fullMs: 25,
    branchMs: 2,
    exitRatio: 0.78,
    accuracy: 0.86,
  },
  {
    network: 'resnet18',
    dataset: 'cifar-10',
    fullBytes: 4.4e7,
    branchBytes: 1.5e6,
    fullMs: 60,
    branchMs: 9,
    exitRatio: 0.73,
    accuracy: 0.93,
  },
  {
    network: 'vgg16',
    dataset: 'cifar-10',
    fullBytes: 5.9e7,
    branchBytes: 1.9e6,
    fullMs: 45,
    branchMs: 6,
    exitRatio: 0.77,
    accuracy: 0.92,
  },
];

/** What the approaches fetch, compute and send, as shares of the full network's; by a model, none is measured. */
const SHARES: Readonly<Record<Approach, { bytes: number; device: number; edge: number; accuracy: number }>> = {
  lcdnn: { bytes: 0, device: 0, edge: 0.9, accuracy: 1 },
  'lcdnn-first': { bytes: 0, device: 0, edge: 0.95, accuracy: 1 },
  'mobile-only': { bytes: 1, device: 1, edge: 0, accuracy: 1 },
  'mobile-only-int8': { bytes: 0.25, device: 0.7, edge: 0, accuracy: 0.998 },
  litert: { bytes: 1, device: 0.8, edge: 0, accuracy: 1 },
  'litert-int8': { bytes: 0.25, device: 0.3, edge: 0, accuracy: 0.998 },
  'edge-only': { bytes: 0, device: 0, edge: 1, accuracy: 1 },
  neurosurgeon: { bytes: 0.02, device: 0.2, edge: 0.8, accuracy: 1 },
  edgent: { bytes: 0.15, device: 0.25, edge: 0.6, accuracy: 0.99 },
  'mobilenet-v2': { bytes: 0.2, device: 0.3, edge: 0, accuracy: 0.985 },
  student: { bytes: 0.1, device: 0.2, edge: 0, accuracy: 0.975 },
  binary: { bytes: 0, device: 0, edge: 0, accuracy: 0.95 },
};

/** ONNX Runtime's own download, by which all that use it begin. */
const RUNTIME_BYTES = 3e6;
const UP_BYTES = 3000;
const IMAGES = 40;

/** What `lcdnn bench system` would write if everything followed a simple model; the names say that nothing was measured. */
export function syntheticResults(networks: readonly string[] = MODELS.map(({ network }) => network)): SystemResults {
  return {
    format: RESULTS_FORMAT,
    date: '2026-01-02T03:04:05.000Z',
    machine: { processor: 'synthetic processor', cores: 2, browser: 'synthetic browser' },
    settings: { images: IMAGES, seed: 1 },
    networks: MODELS.filter(({ network }) => networks.includes(network)).map(networkResults),
  };
}

function networkResults(model: Model): SystemResults['networks'][number] {
  const { network, dataset, exitRatio, accuracy } = model;
  return {
    network,
    dataset,
    training: 'synthetic: nothing was trained',
    tau: 0.05,
    accuracy: { full: accuracy, branch: 0.95 * accuracy, both: accuracy, exitRatio, images: 10_000 },
    curve: Array.from({ length: 101 }, (_, i) => {
      const exits = i / 100;
      return { tau: exits ** 4, accuracy: accuracy * (1 - 0.05 * exits ** 6), exitRatio: exits };
    }),
    approaches: APPROACHES.map((approach) => approachResults(approach, model)),
  };
}

function approachResults(approach: Approach, model: Model): SystemResults['networks'][number]['approaches'][number] {
  const share = SHARES[approach];
  const isOurs = approach === 'lcdnn' || approach === 'lcdnn-first';
  const binary = isOurs || approach === 'binary';
  const asked = isOurs ? 1 - model.exitRatio : share.edge > 0 ? 1 : 0;
  const downloadBytes = binary
    ? model.branchBytes
    : share.bytes > 0
      ? RUNTIME_BYTES + share.bytes * model.fullBytes
      : 500;
  const deviceMs = binary ? model.branchMs : share.device * model.fullMs;
  const cpuMs = asked * (0.5 + share.edge * model.fullMs);
  return {
    approach,
    plan:
      asked === 0 ? 'all in the page' : asked < 1 ? 'branch in the page, the rest at the edge' : 'cut behind a layer',
    accuracy: { share: share.accuracy * model.accuracy, images: 10_000 },
    downloadBytes,
    edge: { asked, cpuMs, ...(cpuMs > 0 && { perSecond: 1000 / cpuMs }) },
    measurements: CONNECTIONS.flatMap((connection) =>
      [1, 4].map((slowdown) => {
        const answers = (cold: boolean): AnswerTimes => {
          const wake = cold ? 1 : 0;
          const files = transferMs(downloadBytes, connection.downMbps) + 2 * connection.roundTripMs;
          const parts = {
            downloadMs: wake * files,
            compileMs: wake * slowdown * (binary ? 5 : downloadBytes > 1000 ? 60 : 0),
            computeMs: slowdown * deviceMs,
            uplinkMs: asked * (connection.roundTripMs + transferMs(UP_BYTES, connection.upMbps)),
            edgeMs: (asked * cpuMs) / Math.max(asked, 1e-9),
          };
          const meanMs = 3 + Object.values(parts).reduce((sum, part) => sum + part, 0);
          // Those that ask the edge are spread evenly over the images, and take what the others don't.
          const often = Math.max(1, Math.round(1 / Math.max(asked, 1e-9)));
          const asks = (i: number) => asked > 0 && i % often === 0;
          const eachMs = Array.from({ length: IMAGES }, (_, i) =>
            asked > 0 && asked < 1
              ? meanMs - parts.uplinkMs + (asks(i) ? parts.uplinkMs / asked : 0)
              : meanMs * (1 + 0.02 * Math.sin(i)),
          );
          return {
            ...{ meanMs, p50Ms: meanMs, p95Ms: 1.2 * meanMs, parts, eachMs },
            bytesDown: wake * downloadBytes + asked * 60,
            bytesUp: asked * UP_BYTES,
          };
        };
        return { connection: connection.name, slowdown, cold: answers(true), warm: answers(false) };
      }),
    ),
  };
}
