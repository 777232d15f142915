import type { JointNetwork } from '../../network/layers.js';

/** Places in torchvision's `features` and `classifier`, by layer: alexnet.conv2 is features.3. */
const FEATURES: Readonly<Record<string, readonly number[]>> = {
  alexnet: [0, 3, 6, 8, 10],
  vgg16: [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28],
  'vgg16-bn': [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40],
};
const CLASSIFIER: Readonly<Record<string, readonly number[]>> = { alexnet: [1, 4, 6], vgg16: [0, 3, 6] };

/** Number of blocks of each stage of MobileNetV2, which torchvision counts through. */
const MOBILENET_BLOCKS = [1, 2, 3, 4, 3, 3, 1];

/** What torchvision calls a layer of the network of this name. Networks that it does not have keep their names. */
export function torchvisionName({ name, shared, full }: JointNetwork, layer: string): string {
  const [, kind, place = '0'] = /^([a-z]+)(\d+)$/.exec(layer) ?? [];
  const index = Number(place) - 1;
  if (name === 'mobilenet-v2') return mobilenetV2Name(layer);
  if (name === 'alexnet' || name === 'vgg16') {
    const normalised = [...shared, ...full].some(({ type }) => type === 'batch-norm');
    const features = FEATURES[normalised ? `${name}-bn` : name];
    if (kind === 'fc') return `classifier.${CLASSIFIER[name][index]}`;
    return `features.${kind === 'bn' ? features[index] + 1 : features[index]}`;
  }
  // ResNets: layer1-0-conv1 is layer1.0.conv1; a downsample is a sequence of convolution and normalisation.
  return layer
    .replace(/-downsample(-bn)?$/, (_, bn) => (bn ? '.downsample.1' : '.downsample.0'))
    .replace(/^(layer\d+)-(\d+)[-.]/, '$1.$2.');
}

function mobilenetV2Name(layer: string): string {
  const bn = layer.endsWith('-bn') ? 1 : 0;
  const base = layer.replace(/-bn$/, '');
  if (base === 'conv1') return `features.0.${bn}`;
  if (base === 'conv2') return `features.18.${bn}`;
  if (base === 'fc') return 'classifier.1';
  const [, stage, block, what] = /^stage(\d)-(\d+)-(\w+)$/.exec(base) ?? [];
  const before = MOBILENET_BLOCKS.slice(0, Number(stage) - 1).reduce((sum, count) => sum + count, 0);
  const conv = `features.${before + Number(block) + 1}.conv`;
  // The first stage does not expand, so its layers come one place earlier.
  const place = { expand: 0, depthwise: 1, project: 2 }[what]! - (stage === '1' ? 1 : 0);
  return what === 'project' ? `${conv}.${place + bn}` : `${conv}.${place}.${bn}`;
}
