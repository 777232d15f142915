import { z } from 'zod';

/** One option of a run: what it may be, what it is where nobody says, and its line in `--help`. */
interface Option<Schema extends z.ZodType> {
  readonly schema: Schema;
  /** Absent where another option or the data decide. */
  readonly byDefault?: z.output<Schema>;
  readonly summary: string;
  /** Heading in `--help`. */
  readonly group?: 'NETWORK' | 'BINARY LAYERS' | 'DATA' | 'TRAINING';
  readonly char?: 'b' | 'e';
}

const option = <Schema extends z.ZodType>(described: Option<Schema>): Option<Schema> => described;

const share = z.number().min(0);

/**
 * Every option that shapes a run, in one table: `config.json`, recipes, and the flags of `train` all come from it. A
 * config names them as they stand here, a flag in kebab-case.
 */
export const OPTIONS = {
  network: option({
    schema: z.string(),
    byDefault: 'lenet',
    summary: 'Network of the zoo.',
  }),
  width: option({
    schema: z.number().positive().max(64),
    byDefault: 1,
    summary: 'Factor on the filters and hidden units of every layer.',
    group: 'NETWORK',
  }),
  form: option({
    schema: z.enum(['auto', 'small', 'large']),
    byDefault: 'auto',
    summary:
      'Form of the first layers: small (CIFAR: little is subsampled) or large (ImageNet); auto takes small up to 64 pixels.',
    group: 'NETWORK',
  }),
  attach: option({
    schema: z.string(),
    byDefault: 'conv1',
    summary:
      'Layer of the full network after which the branch leaves it; several in order, as "conv1,conv3", for several exits.',
    group: 'NETWORK',
  }),
  branch: option({
    schema: z.string(),
    byDefault: 'mirror',
    summary:
      'Binary layers of every branch: "conv=N,fc=M", or "mirror" for as many as the rest of the full network has behind it. ' +
      'Or "float" for float exits (BranchyNet), "none" for the full network alone.',
    group: 'NETWORK',
  }),
  inputScale: option({
    schema: z.boolean(),
    byDefault: false,
    summary: 'Scale binary layers by K, the local mean of |input| (Eq. 4).',
    group: 'BINARY LAYERS',
  }),
  filterScale: option({
    schema: z.enum(['mean', 'learned']),
    byDefault: 'mean',
    summary: 'Scale of each binary filter: α, the mean of its |weights| (Eq. 4), or one that is trained.',
    group: 'BINARY LAYERS',
  }),
  norm: option({
    schema: z.enum(['both', 'before', 'after']),
    byDefault: 'both',
    summary: 'Where batch normalisation stands around a binary layer.',
    group: 'BINARY LAYERS',
  }),
  signShift: option({
    schema: z.boolean(),
    byDefault: false,
    summary: 'Learn a shift before a sign that has no batch normalisation before it (ReActNet).',
    group: 'BINARY LAYERS',
  }),
  activation: option({
    schema: z.enum(['prelu', 'rprelu', 'hardtanh', 'relu', 'none']),
    byDefault: 'prelu',
    summary: 'Activation after a binary layer; rprelu is a PReLU between two learned shifts.',
    group: 'BINARY LAYERS',
  }),
  shortcuts: option({
    schema: z.enum(['convolution', 'block']),
    byDefault: 'convolution',
    summary: 'Real-valued shortcuts of a residual branch: around every convolution, or around every block.',
    group: 'BINARY LAYERS',
  }),
  downsample: option({
    schema: z.enum(['free', 'float', 'binary']),
    byDefault: 'free',
    summary: 'Shortcut where the size changes: channels repeated (free), or a 1x1 convolution of either kind.',
    group: 'BINARY LAYERS',
  }),
  estimator: option({
    schema: z.enum(['clip', 'approx-sign', 'swish-sign', 'identity']),
    byDefault: 'clip',
    summary: 'Gradient of the sign of activations (clip is Eq. 5).',
    group: 'BINARY LAYERS',
  }),
  floatWeights: option({
    schema: z.number().min(0).max(1),
    byDefault: 0,
    summary: 'Share of the steps, at first, in which only activations are binary and weights still real.',
    group: 'BINARY LAYERS',
  }),
  dataset: option({
    schema: z.string(),
    byDefault: 'fashion-mnist-sample',
    summary: 'Data set of the catalogue ("lcdnn data list"), or the layout of image folders: imagenet, folder.',
  }),
  imageSize: option({
    schema: z.int().min(8).max(1024),
    byDefault: 224,
    summary: 'Height and width of images from folders, as the network is given them.',
    group: 'DATA',
  }),
  resize: option({
    schema: z.int().min(8).max(2048).optional(),
    summary:
      'What the shorter side of images from folders is resized to before the crop. [default: 256/224 of the image size]',
    group: 'DATA',
  }),
  classes: option({
    schema: z
      .union([z.int().min(2).max(65_536), z.string(), z.array(z.string()).min(2)], {
        error: 'expected a number from 2 to 65536, the path of a list, or two names and more',
      })
      .optional(),
    summary:
      'Classes of an image folder: the first so many, "a,b" by name, or a file with a name a line. [default: all]',
    group: 'DATA',
  }),
  strict: option({
    schema: z.boolean(),
    byDefault: false,
    summary: 'Stop at an image that can not be decoded, instead of skipping it.',
    group: 'DATA',
  }),
  cache: option({
    schema: z.boolean(),
    byDefault: false,
    summary: 'Keep decoded images of a folder in one file in the cache: faster, and takes more room.',
    group: 'DATA',
  }),
  shift: option({
    schema: z.int().min(0).max(64),
    byDefault: 0,
    summary: 'Shift training images by up to this many pixels (pad and crop).',
    group: 'DATA',
  }),
  flip: option({
    schema: z.boolean(),
    byDefault: false,
    summary: 'Mirror training images at random.',
    group: 'DATA',
  }),
  crop: option({
    schema: z.number().positive().max(1),
    byDefault: 1,
    summary: 'Cut out an area of training images of at least this share, and resize it (0.08 is usual; 1: off).',
    group: 'DATA',
  }),
  jitter: option({
    schema: share.max(1),
    byDefault: 0,
    summary: 'Change brightness, contrast and saturation of training images by up to this share.',
    group: 'DATA',
  }),
  cutout: option({
    schema: z.int().min(0).max(1024),
    byDefault: 0,
    summary: 'Blank a square of training images with this side, in pixels.',
    group: 'DATA',
  }),
  mixup: option({
    schema: share.max(10),
    byDefault: 0,
    summary: 'Mix pairs of training images and their labels, in shares from Beta(a, a) with this a.',
    group: 'DATA',
  }),
  validation: option({
    schema: z.number().positive(),
    byDefault: 0.1,
    summary: 'Share (below 1) or number of training images kept for validation.',
    group: 'DATA',
  }),
  epochs: option({
    schema: z.int().min(1).max(100_000),
    byDefault: 20,
    summary: 'Passes over the training images.',
    group: 'TRAINING',
    char: 'e',
  }),
  batchSize: option({
    schema: z.int().min(1).max(65_536),
    byDefault: 64,
    summary: 'Images per step.',
    group: 'TRAINING',
    char: 'b',
  }),
  optimizer: option({
    schema: z.enum(['momentum', 'adam']),
    byDefault: 'adam',
    summary: 'Update rule; momentum is SGD with momentum 0.9.',
    group: 'TRAINING',
  }),
  lr: option({
    schema: z.number().positive(),
    byDefault: 0.002,
    summary: 'Learning rate of conv1 and the full branch.',
    group: 'TRAINING',
  }),
  branchLr: option({
    schema: z.number().positive(),
    summary: 'Learning rate of the binary branch. [default: that of --lr]',
    group: 'TRAINING',
  }),
  schedule: option({
    schema: z.enum(['constant', 'step', 'cosine']),
    byDefault: 'cosine',
    summary: 'How the learning rate falls.',
    group: 'TRAINING',
  }),
  warmup: option({
    schema: z.number().min(0).max(1),
    byDefault: 0,
    summary: 'Share of the steps in which the learning rate rises from 0, before the schedule begins.',
    group: 'TRAINING',
  }),
  weightDecay: option({
    schema: share,
    byDefault: 0,
    summary: 'Weight decay of float weights; never of latent binary ones.',
    group: 'TRAINING',
  }),
  labelSmoothing: option({
    schema: z.number().min(0).max(0.99),
    byDefault: 0,
    summary: 'Share of every target that is spread evenly over all classes.',
    group: 'TRAINING',
  }),
  branchWeight: option({
    schema: share,
    byDefault: 1,
    summary: "Weight of each branch's loss in the sum (Eq. 1 has 1).",
    group: 'TRAINING',
  }),
  distillation: option({
    schema: share,
    byDefault: 0,
    summary: 'Weight of distillation, full branch to binary one.',
    group: 'TRAINING',
  }),
  temperature: option({
    schema: z.number().positive(),
    byDefault: 2,
    summary: 'Temperature of distillation.',
    group: 'TRAINING',
  }),
  initFrom: option({
    schema: z.string().optional(),
    summary: 'Trained full-precision network to start from: .safetensors (of lcdnn or PyTorch) or .onnx.',
    group: 'TRAINING',
  }),
  teacher: option({
    schema: z.string().optional(),
    summary: 'Run whose full network this one is distilled from, by the weight of --distillation (Hinton et al. 2015).',
    group: 'TRAINING',
  }),
  freezeFull: option({
    schema: z.boolean(),
    byDefault: false,
    summary: 'Train the binary branch alone: the full network, conv1 with it, stays as --init-from has it.',
    group: 'TRAINING',
  }),
  seed: option({
    schema: z.int().nonnegative(),
    byDefault: 1,
    summary: 'Seed of all randomness.',
    group: 'TRAINING',
  }),
  engine: option({
    schema: z.string(),
    byDefault: 'onnxruntime',
    summary: 'Engine that computes the training step.',
    group: 'TRAINING',
  }),
  device: option({
    schema: z.enum(['cpu', 'webgpu', 'cuda', 'mps']),
    byDefault: 'cpu',
    summary:
      'Where the step is computed: with onnxruntime webgpu is any GPU with a driver, cuda needs its libraries; with pytorch cuda or mps.',
    group: 'TRAINING',
  }),
  precision: option({
    schema: z.enum(['float32', 'bfloat16']),
    byDefault: 'float32',
    summary:
      'Numbers of the forward and backward pass; bfloat16 takes engine pytorch and is faster on GPUs and processors that have it.',
    group: 'TRAINING',
  }),
} as const;

export type OptionName = keyof typeof OPTIONS;

/** Option names with their values. */
export type Options = { [Name in OptionName]: z.output<(typeof OPTIONS)[Name]['schema']> };

export const optionNames = Object.keys(OPTIONS) as OptionName[];

/** Those that the layers of a network follow from, beside the data set. */
export const NETWORK_OPTIONS = [
  'width',
  'form',
  'attach',
  'branch',
  'inputScale',
  'filterScale',
  'norm',
  'signShift',
  'activation',
  'shortcuts',
  'downsample',
] as const satisfies readonly OptionName[];

/** The name of an option as a flag: `batchSize` is `--batch-size`. */
export const flagOf = (name: OptionName): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
