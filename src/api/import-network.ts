import { splitTrainValidation } from '../datasets/split.js';
import { isSmall } from '../network/zoo/family.js';
import { writeCheckpoint } from '../run/checkpoint.js';
import type { Config } from '../run/config.js';
import { networkOf, runFile } from '../run/run-directory.js';
import { countHits } from '../train/evaluate.js';
import { epochStart } from '../train/reports.js';
import type { WarmStart } from '../train/warm-start/warm-start.js';
import { withEvaluator } from '../train/with-evaluator.js';
import type { ImportCheck } from './check-import.js';
import { type NewRunOptions, newRunConfig, newRunPath } from './new-run.js';
import { createRecordedRun, type DataOptions, loadNewData } from './run-data.js';
import { checkedStart } from './start-state.js';
import { requireImages } from './train-run.js';

/** Validation images that the imported network is checked on. */
const CHECKED_IMAGES = 1000;

export interface ImportResult {
  /** Path of the run directory. */
  readonly run: string;
  readonly config: Config;
  /** Which layers were taken, which are missing, and which are left over. */
  readonly warmStart: WarmStart;
  /** Set for an ONNX file: how closely the imported network and the file's graph agree. */
  readonly check?: ImportCheck;
  /** Form of the first layers: `small` for CIFAR, `large` for ImageNet. */
  readonly form: 'small' | 'large';
  readonly validation: { readonly images: number; readonly fullAccuracy: number };
}

/**
 * Makes a run from a trained full-precision network, so that a binary branch can be trained on it with `resumeTraining`.
 *
 * @param file `.safetensors` or `.onnx`
 * @throws UserError if the file or an option is wrong, or the data are missing
 */
export async function importNetwork(file: string, options: NewRunOptions & DataOptions): Promise<ImportResult> {
  const config = newRunConfig({ ...options, options: { ...options.options, initFrom: file } });
  const dataset = await loadNewData(config, options);
  requireImages(config, dataset);
  const network = networkOf(config, dataset.shape, dataset.labels.length);
  const { state, warmStart, check } = await checkedStart(config, network, dataset);
  const run = createRecordedRun(newRunPath(options, config), config, network, dataset);
  writeCheckpoint(runFile(run, 'checkpoint'), { progress: epochStart(0, 0), state });

  const { validation } = splitTrainValidation(dataset.train, config.validation, config.seed);
  const checked = validation.subarray(0, CHECKED_IMAGES);
  const logits = await withEvaluator({ ...config, device: 'cpu' }, network, state, dataset, (evaluate) =>
    evaluate(dataset.train, checked),
  );
  const fullAccuracy = countHits(logits.full, logits.labels, logits.classes) / checked.length;
  const form = isSmall({ form: config.form === 'auto' ? undefined : config.form, input: network.input })
    ? 'small'
    : 'large';
  return {
    run: run.path,
    config,
    warmStart: warmStart!,
    check,
    form,
    validation: { images: checked.length, fullAccuracy },
  };
}
