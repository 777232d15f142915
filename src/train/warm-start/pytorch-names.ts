import type { JointNetwork } from '../../network/layers.js';

/** Places in torchvision's `features` and `classifier`, by layer: alexnet.conv2 is features.3. */
const FEATURES: Readonly<Record<string, readonly number[]>> = {
  alexnet: [0, 3, 6, 8, 10],
  vgg16: [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28],
  'vgg16-bn': [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40],
};
const CLASSIFIER: Readonly<Record<string, readonly number[]>> = { alexnet: [1, 4, 6], vgg16: [0, 3, 6] };
const TIMM_VGG_CLASSIFIER = ['pre_logits.fc1', 'pre_logits.fc2', 'head.fc'];

/** Number of blocks of each stage of MobileNetV2, which torchvision counts through. */
const MOBILENET_BLOCKS = [1, 2, 3, 4, 3, 3, 1];

/**
 * What PyTorch's collections call a layer of the network of this name: torchvision first, then timm and the usual
 * ResNets for CIFAR where they differ. Networks that they don't have keep their names.
 */
export function pytorchNames(network: JointNetwork, layer: string): string[] {
  switch (network.name) {
    case 'mobilenet-v2':
      return mobilenetV2Names(layer);
    case 'alexnet':
    case 'vgg16':
      return namesInSequence(network, layer);
    default:
      return residualNames(layer);
  }
}

function namesInSequence({ name, shared, full }: JointNetwork, layer: string): string[] {
  const [, kind, place = '0'] = /^([a-z]+)(\d+)$/.exec(layer) ?? [];
  const index = Number(place) - 1;
  if (kind === 'fc') {
    const inTimm = name === 'vgg16' ? [TIMM_VGG_CLASSIFIER[index]] : [];
    return [`classifier.${CLASSIFIER[name][index]}`, ...inTimm];
  }
  const normalised = [...shared, ...full].some(({ type }) => type === 'batch-norm');
  const features = FEATURES[normalised ? `${name}-bn` : name];
  return [`features.${kind === 'bn' ? features[index] + 1 : features[index]}`];
}

/** layer1-0-conv1 is layer1.0.conv1; a downsample is a sequence of convolution and normalisation. */
function residualNames(layer: string): string[] {
  const inBlock = layer.replace(/^(layer\d+)-(\d+)[-.]/, '$1.$2.');
  const ofShortcut = (sequence: string): string =>
    inBlock.replace(/downsample(-bn)?$/, (_, bn) => `${sequence}.${bn ? 1 : 0}`);
  return [ofShortcut('downsample'), layer === 'fc' ? 'linear' : ofShortcut('shortcut')];
}

function mobilenetV2Names(layer: string): string[] {
  const bn = layer.endsWith('-bn') ? 1 : 0;
  const base = layer.replace(/-bn$/, '');
  if (base === 'conv1') return [`features.0.${bn}`, bn ? 'bn1' : 'conv_stem'];
  if (base === 'conv2') return [`features.18.${bn}`, bn ? 'bn2' : 'conv_head'];
  if (base === 'fc') return ['classifier.1', 'classifier'];
  const [, stage, block, what] = /^stage(\d)-(\d+)-(\w+)$/.exec(base) ?? [];
  const before = MOBILENET_BLOCKS.slice(0, Number(stage) - 1).reduce((sum, count) => sum + count, 0);
  const conv = `features.${before + Number(block) + 1}.conv`;
  const timm = `blocks.${Number(stage) - 1}.${block}`;
  // The first stage does not expand, so its layers come one place earlier.
  const expands = stage !== '1';
  const place = { expand: 0, depthwise: 1, project: 2 }[what]! - (expands ? 0 : 1);
  const kind = { expand: 'conv_pw', depthwise: 'conv_dw', project: expands ? 'conv_pwl' : 'conv_pw' }[what]!;
  return [
    what === 'project' ? `${conv}.${place + bn}` : `${conv}.${place}.${bn}`,
    bn ? `${timm}.bn${place + 1}` : `${timm}.${kind}`,
  ];
}
