import type { JointNetwork } from '../../network/layers.js';
import { VGG_STAGES } from '../../network/zoo/vgg.js';

/**
 * Names of a layer in PyTorch's collections: torchvision first, then timm, transformers and the usual ResNets for CIFAR
 * if they differ. Networks that aren't in these collections keep their names.
 */
export function pytorchNames(network: JointNetwork, layer: string): string[] {
  const { name } = network;
  if (name === 'alexnet') return [alexnetName(layer)];
  if (Object.hasOwn(VGG_STAGES, vggStagesName(name))) return vggNames(network, layer);
  if (name === 'mobilenet-v2') return [torchvisionMobilenetName(layer), timmInvertedName(layer)];
  if (name.endsWith('efficientnet-lite0')) return [timmInvertedName(layer)];
  return residualNames(layer);
}

/** Indices in `features` and `classifier`: alexnet.conv2 is features.3. */
const ALEXNET = { conv: [0, 3, 6, 8, 10], fc: [1, 4, 6] };

function alexnetName(layer: string): string {
  const { kind, index } = numberedLayer(layer);
  return kind === 'fc' ? `classifier.${ALEXNET.fc[index]}` : `features.${ALEXNET.conv[index]}`;
}

const VGG_CLASSIFIER = [0, 3, 6];
const TIMM_VGG_CLASSIFIER = ['pre_logits.fc1', 'pre_logits.fc2', 'head.fc'];

const vggStagesName = (name: string) => name.replace(/-bn$/, '') as keyof typeof VGG_STAGES;

function vggNames({ name, shared, full }: JointNetwork, layer: string): string[] {
  const { kind, index } = numberedLayer(layer);
  if (kind === 'fc') return [`classifier.${VGG_CLASSIFIER[index]}`, TIMM_VGG_CLASSIFIER[index]];
  const normalised = [...shared, ...full].some(({ type }) => type === 'batch-norm');
  const conv = vggConvolutions(VGG_STAGES[vggStagesName(name)], normalised)[index];
  return [`features.${kind === 'bn' ? conv + 1 : conv}`];
}

/** Indices of convolutions in `features`: each is followed by its normalisation and ReLU, each stage by a pool. */
function vggConvolutions(stages: readonly (readonly number[])[], normalised: boolean): number[] {
  let next = 0;
  return stages.flatMap((stage) => {
    const indices = stage.map((_, i) => next + i * (normalised ? 3 : 2));
    next += stage.length * (normalised ? 3 : 2) + 1;
    return indices;
  });
}

/** conv3 is a convolution with index 2. */
function numberedLayer(layer: string): { kind: string; index: number } {
  const [, kind = layer, number = '1'] = /^([a-z]+)(\d+)$/.exec(layer) ?? [];
  return { kind, index: Number(number) - 1 };
}

/** layer1-0-conv1 is layer1.0.conv1; a downsample is a sequence of convolution and normalisation. */
function residualNames(layer: string): string[] {
  const inBlock = layer.replace(/^(layer\d+)-(\d+)[-.]/, '$1.$2.');
  const ofShortcut = (sequence: string): string =>
    inBlock.replace(/downsample(-bn)?$/, (_, bn) => `${sequence}.${bn ? 1 : 0}`);
  const transformers = transformersResnetName(layer);
  const elsewhere = layer === 'fc' ? 'linear' : ofShortcut('shortcut');
  return [ofShortcut('downsample'), elsewhere, ...(transformers ? [transformers, `resnet.${transformers}`] : [])];
}

/** Names of Hugging Face's `ResNetForImageClassification`, without its prefix `resnet.`. */
function transformersResnetName(layer: string): string | undefined {
  const kind = (bn: boolean) => (bn ? 'normalization' : 'convolution');
  if (layer === 'fc') return 'classifier.1';
  const [, first] = /^(conv|bn)1$/.exec(layer) ?? [];
  if (first) return `embedder.embedder.${kind(first === 'bn')}`;
  const [, stage, block, what] = /^layer(\d+)-(\d+)-(\w+(?:-bn)?)$/.exec(layer) ?? [];
  if (stage === undefined) return undefined;
  const inBlock = `encoder.stages.${Number(stage) - 1}.layers.${block}`;
  if (what.startsWith('downsample')) return `${inBlock}.shortcut.${kind(what.endsWith('-bn'))}`;
  const { kind: ofLayer, index } = numberedLayer(what);
  return `${inBlock}.layer.${index}.${kind(ofLayer === 'bn')}`;
}

/** Number of blocks of each stage of MobileNetV2, which torchvision counts through. */
const MOBILENET_BLOCKS = [1, 2, 3, 4, 3, 3, 1];

function torchvisionMobilenetName(layer: string): string {
  const { base, bn, stage, block, position, what } = invertedLayer(layer);
  if (base === 'conv1') return `features.0.${bn}`;
  if (base === 'conv2') return `features.18.${bn}`;
  if (base === 'fc') return 'classifier.1';
  const before = MOBILENET_BLOCKS.slice(0, stage - 1).reduce((sum, count) => sum + count, 0);
  const conv = `features.${before + block + 1}.conv`;
  return what === 'project' ? `${conv}.${position + bn}` : `${conv}.${position}.${bn}`;
}

function timmInvertedName(layer: string): string {
  const { base, bn, stage, block, position, what, expands } = invertedLayer(layer);
  if (base === 'conv1') return bn ? 'bn1' : 'conv_stem';
  if (base === 'conv2') return bn ? 'bn2' : 'conv_head';
  if (base === 'fc') return 'classifier';
  const inBlock = `blocks.${stage - 1}.${block}`;
  if (bn) return `${inBlock}.bn${position + 1}`;
  const project = expands ? 'conv_pwl' : 'conv_pw';
  return `${inBlock}.${{ expand: 'conv_pw', depthwise: 'conv_dw', project }[what]}`;
}

function invertedLayer(layer: string) {
  const base = layer.replace(/-bn$/, '');
  const [, stage = '1', block = '0', what = 'expand'] = /^stage(\d)-(\d+)-(expand|depthwise|project)$/.exec(base) ?? [];
  // The first stage doesn't expand, so its layers come one position earlier.
  const expands = stage !== '1';
  const position = ['expand', 'depthwise', 'project'].indexOf(what) - (expands ? 0 : 1);
  return {
    base,
    bn: layer.endsWith('-bn') ? 1 : 0,
    stage: Number(stage),
    block: Number(block),
    what: what as 'expand' | 'depthwise' | 'project',
    position,
    expands,
  };
}
