import { z } from 'zod';

/** One option of a run: its schema, its default, and its line in `--help`. */
interface Option<Schema extends z.ZodType> {
  readonly schema: Schema;
  /** Absent if the default depends on another option or on the data. */
  readonly byDefault?: z.output<Schema>;
  readonly summary: string;
  /** Heading in `--help`. */
  readonly group?: 'NETWORK' | 'BINARY LAYERS' | 'DATA' | 'TRAINING';
  readonly char?: 'b' | 'e';
}

const option = <Schema extends z.ZodType>(described: Option<Schema>): Option<Schema> => described;

const share = z.number().min(0);

/**
 * All options of a run in one table: `config.json`, recipes and the flags of `train` are derived from it. Config files
 * use the names below, flags the same names in kebab-case.
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
    summary: 'Factor for the number of filters and hidden units of every layer.',
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
      'Layer of the full network that the branch is attached behind. For several exits list several layers in order, as in ' +
      '"conv1,conv3". With --views, "auto" chooses it from the photographs and --budget.',
    group: 'NETWORK',
  }),
  branch: option({
    schema: z.string(),
    byDefault: 'mirror',
    summary:
      'Binary layers of every branch: "conv=N,fc=M", or "mirror" for the same number as the rest of the full network, or ' +
      '"blocks=N" for 3x3 convolutions with shortcuts, suited to deep attachments. ' +
      'Or "float" for float exits (BranchyNet), "none" for the full network alone.',
    group: 'NETWORK',
  }),
  sharedBits: option({
    schema: z.int().refine((bits) => bits === 8 || bits === 32, { error: 'expected 8 or 32' }),
    byDefault: 32,
    summary:
      'Bits of the weights of the shared layers when deployed: 8, with a scale per filter, for a smaller page, or 32 (float).',
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
    summary: 'Scale of each binary filter: α, the mean of its |weights| (Eq. 4), or a trained scale.',
    group: 'BINARY LAYERS',
  }),
  norm: option({
    schema: z.enum(['both', 'before', 'after']),
    byDefault: 'both',
    summary: 'Place of batch normalisation: before a binary layer, after it, or both.',
    group: 'BINARY LAYERS',
  }),
  signShift: option({
    schema: z.boolean(),
    byDefault: false,
    summary: 'Learn a shift before every sign without batch normalisation (ReActNet).',
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
    summary: 'Real-valued shortcuts of a residual branch: around every convolution or around every block.',
    group: 'BINARY LAYERS',
  }),
  downsample: option({
    schema: z.enum(['free', 'float', 'binary']),
    byDefault: 'free',
    summary: 'Shortcut if the size changes: repeated channels (free), or a float or binary 1x1 convolution.',
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
    summary: 'Share of the steps, at the start, with real weights and only the activations binary.',
    group: 'BINARY LAYERS',
  }),
  dataset: option({
    schema: z.string(),
    byDefault: 'fashion-mnist-sample',
    summary: 'Data set of the catalogue ("lcdnn data list"), or the layout of your image folders: imagenet, folder.',
  }),
  imageSize: option({
    schema: z.int().min(8).max(1024),
    byDefault: 224,
    summary: "Height and width of the network's input for images from folders.",
    group: 'DATA',
  }),
  resize: option({
    schema: z.int().min(8).max(2048).optional(),
    summary: 'Length of the shorter side of images from folders before the crop. [default: 256/224 of the image size]',
    group: 'DATA',
  }),
  classes: option({
    schema: z
      .union([z.int().min(2).max(65_536), z.string(), z.array(z.string()).min(2)], {
        error: 'expected a number from 2 to 65536, the path of a list, or two names and more',
      })
      .optional(),
    summary:
      'Classes of an image folder: a number (the first N), names ("a,b"), or a file with one name per line. [default: all]',
    group: 'DATA',
  }),
  range: option({
    schema: z.enum(['0..1', '-1..1', '0..255']).optional(),
    summary:
      'Range that the network expects pixels in before mean and std are applied; alone, it replaces both. [default: 0..1]',
    group: 'DATA',
  }),
  mean: option({
    schema: z.array(z.number()).min(1).max(16).optional(),
    summary:
      'Mean of each channel, as "0.5,0.5,0.5", that is subtracted: the value the network was trained with. [default: of the data set]',
    group: 'DATA',
  }),
  std: option({
    schema: z.array(z.number().positive()).min(1).max(16).optional(),
    summary: 'Standard deviation of each channel, by which it is divided. [default: of the data set]',
    group: 'DATA',
  }),
  strict: option({
    schema: z.boolean(),
    byDefault: false,
    summary: "Stop at an image that can't be decoded, instead of skipping it.",
    group: 'DATA',
  }),
  cache: option({
    schema: z.boolean(),
    byDefault: false,
    summary: 'Cache the decoded images of a folder in one file: faster, but needs more disk space.',
    group: 'DATA',
  }),
  shift: option({
    schema: z.int().min(0).max(64),
    byDefault: 0,
    summary: 'Shift training images by up to this many pixels (pad and crop).',
    group: 'DATA',
  }),
  shiftFill: option({
    schema: z.enum(['zero', 'reflect']),
    byDefault: 'zero',
    summary: 'What fills the border of a shifted image: zeros, or the image mirrored at its edge.',
    group: 'DATA',
  }),
  flip: option({
    schema: z.boolean(),
    byDefault: false,
    summary: 'Mirror training images left to right, half of them in each epoch.',
    group: 'DATA',
  }),
  flipOrder: option({
    schema: z.enum(['random', 'alternating']),
    byDefault: 'random',
    summary: 'Which images --flip mirrors: drawn in each epoch, or each image in every other epoch (airbench).',
    group: 'DATA',
  }),
  crop: option({
    schema: z.number().positive().max(1),
    byDefault: 1,
    summary: 'Crop training images to a random area of at least this share, and resize it (0.08 is common; 1: off).',
    group: 'DATA',
  }),
  jitter: option({
    schema: share.max(1),
    byDefault: 0,
    summary: 'Randomly change brightness, contrast and saturation of training images by up to this share.',
    group: 'DATA',
  }),
  cutout: option({
    schema: z.int().min(0).max(1024),
    byDefault: 0,
    summary: 'Blank a random square of training images; its side in pixels.',
    group: 'DATA',
  }),
  mixup: option({
    schema: share.max(10),
    byDefault: 0,
    summary: 'Mix pairs of training images and their labels; the share is drawn from Beta(a, a) with this a.',
    group: 'DATA',
  }),
  trainSize: option({
    schema: z.int().min(0).max(1024),
    byDefault: 0,
    summary:
      'Train on images resized to this height and width, for cheap first epochs (engine pytorch; the network must ' +
      'average over the image). 0: as they are.',
    group: 'DATA',
  }),
  validation: option({
    schema: z.number().min(0),
    byDefault: 0.1,
    summary:
      'Share (below 1) or number of training images kept for validation. 0: train on all of them, with --views; ' +
      '"tune-tau --cross-fit" estimates the accuracy then.',
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
    schema: z.enum(['momentum', 'nesterov', 'adam']),
    byDefault: 'adam',
    summary: 'Update rule; momentum and nesterov are SGD with momentum 0.9.',
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
    summary: 'Learning rate of the binary branch. [default: the value of --lr]',
    group: 'TRAINING',
  }),
  schedule: option({
    schema: z.enum(['constant', 'step', 'cosine', 'linear']),
    byDefault: 'cosine',
    summary: 'How the learning rate decreases; cosine and linear end at 0.',
    group: 'TRAINING',
  }),
  warmup: option({
    schema: z.number().min(0).max(1),
    byDefault: 0,
    summary: 'Share of the steps in which the learning rate rises from 0, before the schedule starts.',
    group: 'TRAINING',
  }),
  weightDecay: option({
    schema: share,
    byDefault: 0,
    summary:
      'Weight decay of float kernels. Biases, batch normalisation, scales and latent binary weights never decay.',
    group: 'TRAINING',
  }),
  averageDecay: option({
    schema: z.number().min(0).max(0.99999),
    byDefault: 0,
    summary:
      'Average the weights over the steps, with this decay per step; the average is validated and deployed. 0: off; 0.99 is usual.',
    group: 'TRAINING',
  }),
  patience: option({
    schema: z.int().min(1).max(100_000).optional(),
    summary:
      'End training after this many epochs without a better accuracy. It is measured on half of the validation images; tune-tau uses the other half.',
    group: 'TRAINING',
  }),
  keep: option({
    schema: z.enum(['last', 'best']),
    byDefault: 'last',
    summary:
      'Weights to keep: of the last epoch, or of the one with the best accuracy on half of the validation images; tune-tau uses the other half.',
    group: 'TRAINING',
  }),
  recalibration: option({
    schema: z.int().min(0).max(100_000),
    byDefault: 0,
    summary:
      "Compute batch normalisation's statistics anew after the last epoch, as means over this many training batches. 0: keep the running ones.",
    group: 'TRAINING',
  }),
  classWeights: option({
    schema: z.enum(['none', 'balanced']),
    byDefault: 'none',
    summary:
      'Weight of each class in the loss: the same for every image, or balanced, so that every class counts equally.',
    group: 'TRAINING',
  }),
  dropout: option({
    schema: z.number().min(0).max(0.9),
    byDefault: 0,
    summary: 'In training, set this share of the inputs of each dense layer of the full network to 0 (engine pytorch).',
    group: 'TRAINING',
  }),
  labelSmoothing: option({
    schema: z.number().min(0).max(0.99),
    byDefault: 0,
    summary: 'Share of every target that is distributed evenly over all classes.',
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
    summary: 'Weight of distillation from the full branch to the binary branch.',
    group: 'TRAINING',
  }),
  temperature: option({
    schema: z.number().positive(),
    byDefault: 2,
    summary: 'Temperature of distillation.',
    group: 'TRAINING',
  }),
  distillationFolds: option({
    schema: z
      .int()
      .refine((folds) => folds === 0 || (folds >= 2 && folds <= 100), { error: 'expected 0, or 2 to 100' }),
    byDefault: 0,
    summary:
      'With --views: distil from last layers that do not know the photograph. The photographs are divided into this many ' +
      'folds, and for each a last layer is trained on the others. 0: distil from the full branch as it is trained.',
    group: 'TRAINING',
  }),
  initFrom: option({
    schema: z.string().optional(),
    summary:
      'Trained full-precision network to start from: a name of "lcdnn models list", or a file, .safetensors (from lcdnn or PyTorch) or .onnx.',
    group: 'TRAINING',
  }),
  allowLeftOver: option({
    schema: z.boolean(),
    byDefault: false,
    summary:
      'Start from a file that holds layers which this network lacks. They are part of the network that was trained.',
    group: 'TRAINING',
  }),
  teacher: option({
    schema: z.string().optional(),
    summary: 'Run whose full network is the teacher; --distillation sets the weight (Hinton et al. 2015).',
    group: 'TRAINING',
  }),
  branchStart: option({
    schema: z.enum(['random', 'full']),
    byDefault: 'random',
    summary:
      "Where the branch's weights start: drawn by seed, or those of the trained full network, if the shapes match.",
    group: 'TRAINING',
  }),
  freezeFull: option({
    schema: z.boolean(),
    byDefault: false,
    summary: 'Train only the binary branch; the full network (conv1 included) keeps the weights from --init-from.',
    group: 'TRAINING',
  }),
  views: option({
    schema: z.int().min(0).max(1000),
    byDefault: 0,
    summary:
      'Freeze the network from --init-from and train only its last layer and the branch, on what it computes for this many ' +
      'augmented views of each image. It runs once per view; the results are kept in the cache. 0: off.',
    group: 'TRAINING',
  }),
  fineTune: option({
    schema: z.int().min(0).max(1000),
    byDefault: 0,
    summary:
      'With --views: first train the last blocks of the full network (this many, at most those behind the branch) by SGD ' +
      'with five times the learning rate, for a fifteenth of the epochs, at least one; then the branch. Batch ' +
      'normalisation keeps its statistics. 0: off.',
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
      'Where the step is computed. Engine onnxruntime: cpu, webgpu (any GPU with a driver) or cuda (needs its libraries); engine pytorch: cpu, cuda or mps.',
    group: 'TRAINING',
  }),
  precision: option({
    schema: z.enum(['float32', 'bfloat16', 'auto']),
    byDefault: 'float32',
    summary:
      'Number format of the forward and backward pass. bfloat16 needs engine pytorch; auto chooses it if the device supports it. Losses differ by up to 3 %.',
    group: 'TRAINING',
  }),
  compile: option({
    schema: z.enum(['auto', 'on', 'off']),
    byDefault: 'auto',
    summary:
      'Compile the step with torch.compile (engine pytorch, PyTorch 2 and a C++ compiler); auto: in long runs. Sums are rounded differently then.',
    group: 'TRAINING',
  }),
} as const;

export type OptionName = keyof typeof OPTIONS;

/** Option names with their values. */
export type Options = { [Name in OptionName]: z.output<(typeof OPTIONS)[Name]['schema']> };

export const optionNames = Object.keys(OPTIONS) as OptionName[];

/** The options that, together with the data set, determine the layers of a network. */
export const NETWORK_OPTIONS = [
  'width',
  'form',
  'attach',
  'branch',
  'sharedBits',
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
