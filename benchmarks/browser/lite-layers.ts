import { geometryOf } from '../../src/export/geometry.js';
import type { Layer } from '../../src/network/layers.js';
import { channelsOf, featuresOf, flattenChains, type PlacedLayer, placeLayers } from '../../src/network/shapes.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { createGraph } from '../../src/onnx/graph.js';
import type { BenchArgument, KernelCase } from './kernel-cases.js';

/** A layer of EfficientNet-Lite0 in both of our precisions, and what its peers run. */
export interface LiteLayer {
  readonly title: string;
  readonly fp32: Pick<KernelCase, 'kernel' | 'args'>;
  readonly levels: Pick<KernelCase, 'kernel' | 'args'>;
  readonly peer: KernelCase['peer'];
  /** For LiteRT.js: a network of this layer alone. */
  readonly network: {
    readonly input: readonly number[];
    readonly shared: readonly Layer[];
    readonly full: readonly Layer[];
  };
}

/** Every depthwise and pointwise convolution of EfficientNet-Lite0 at 224 pixels, each shape once. */
export function liteLayers(): LiteLayer[] {
  const network = createNetwork('tf-efficientnet-lite0', [224, 224, 3], 1000);
  const trunk = flattenChains(placeLayers(network).filter(({ part }) => part === 'shared' || part === 'full'));
  const layers = trunk.flatMap((placed) => liteLayer(placed) ?? []);
  return layers.filter(({ title }, i) => layers.findIndex((other) => other.title === title) === i);
}

function liteLayer({ layer, input, output }: PlacedLayer): LiteLayer | undefined {
  if (layer.type !== 'depthwise-conv2d' && (layer.type !== 'conv2d' || layer.kernel > 1)) return undefined;
  const { height, width, channels, kernel, stride, padTop, padLeft, outHeight, outWidth } = geometryOf(
    layer,
    input,
    output,
  );
  const filters = channelsOf(output);
  const isDepthwise = layer.type === 'depthwise-conv2d';
  const epilogue: BenchArgument[] = [{ floats: filters }, { floats: filters }];
  const y = { floats: featuresOf(output) };
  const levels = { levels: featuresOf(input) };
  const [image, windows] = [
    [height, width, channels],
    [outHeight, outWidth],
  ];
  const sliding = [...image, kernel, stride, padTop, padLeft, ...windows];
  const fp32 = isDepthwise
    ? {
        kernel: 'depthwise_conv2d_f32',
        args: [
          { floats: featuresOf(input) },
          { floats: kernel ** 2 * channels },
          ...epilogue,
          null,
          null,
          y,
          ...sliding,
        ],
      }
    : {
        kernel: 'conv2d_f32',
        args: [
          ...[{ floats: featuresOf(input) }, { floats: channels * filters }, null, ...epilogue, null, null, y],
          ...[...image, filters, 1, 1, 0, 0, ...windows],
        ],
      };
  const inLevels = isDepthwise
    ? {
        kernel: 'depthwise_conv2d_levels',
        args: [levels, { weights8: [kernel, channels] }, ...epilogue, { levels: featuresOf(output) }, ...sliding],
      }
    : {
        kernel: 'conv2d_levels',
        args: [
          ...[levels, { weights8: [1, channels, filters] }, ...epilogue, { levels: featuresOf(output) }, 0],
          ...[...image, filters, 1, 1, ...windows],
        ],
      };
  const title = isDepthwise
    ? `depthwise ${kernel}x${kernel}${stride > 1 ? ` stride ${stride}` : ''}, ${channels} @ ${height}x${width}`
    : `pointwise ${channels} to ${filters} @ ${height}x${width}`;
  const peer = onnxLayer({ height, width, channels, filters, kernel, stride, group: isDepthwise ? channels : 1 });
  return { title, fp32, levels: inLevels, peer, network: { input, shared: [layer], full: [] } };
}

/** The layer as a float ONNX model in NCHW, with a bias as its folded batch normalisation. */
function onnxLayer(at: Record<'height' | 'width' | 'channels' | 'filters' | 'kernel' | 'stride' | 'group', number>) {
  const { height, width, channels, filters, kernel, stride, group } = at;
  const shape = [1, channels, height, width];
  const graph = createGraph();
  const x = graph.input('x', 'float32', shape);
  const values = (length: number) => Float32Array.from({ length }, (_, i) => ((i * 37) % 101) / 101 - 0.5);
  const weights = [filters, channels / group, kernel, kernel];
  const w = graph.floats(values(weights.reduce((all, size) => all * size)), weights);
  const out = [height, width].map((size) => Math.ceil(size / stride));
  const around = [height, width].map((size, axis) => Math.max(0, (out[axis] - 1) * stride + kernel - size));
  const pads = [...around.map((all) => all >> 1), ...around.map((all) => all - (all >> 1))];
  const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads, group };
  const y = graph.node('Conv', [x, w, graph.floats(values(filters), [filters])], attributes);
  graph.output('y', y, 'float32', [1, filters, ...out]);
  return { model: graph.encode('layer'), shape };
}
