import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../base/errors.js';
import { type Config, DEFAULT_CONFIG, resolveConfig } from '../run/config.js';
import { optionText, stageText } from '../run/option-text.js';
import { openRun, type Run, readMetrics, readRunCheckpoint, runFile } from '../run/run-directory.js';
import { rateFactor } from '../train/schedules.js';
import { withClassNames } from './new-run.js';

/**
 * A run to continue. It keeps its own options, because any other would make it another run. Only what computes it may
 * change, and then sums round differently; and it may train for more epochs, or in other stages than those to come.
 *
 * @throws UserError if another option differs, or the run has trained for as many epochs already
 */
export function openResumed(path: string, options: Partial<Config> = {}): Run {
  const opened = openRun(path);
  const { engine = opened.config.engine, device = opened.config.device, precision = opened.config.precision } = options;
  const run = { ...opened, config: { ...opened.config, engine, device, precision } };
  const given = withClassNames(options);
  const resumed = { ...run, config: given.stages ? withStages(run, given) : withEpochs(run, given.epochs) };
  // The epochs of a recipe with stages are in them.
  const compared = given.stages ? { ...given, stages: undefined, epochs: undefined } : given;
  for (const [name, value] of Object.entries(compared)) {
    const own = resumed.config[name as keyof Config];
    if (value !== undefined && !isDeepStrictEqual(value, own)) {
      throw new UserError(
        `--resume ${path} goes on with ${name} ${optionText(own)}, found ${optionText(value)}; ` +
          'leave the option out, or train anew with another --out',
      );
    }
  }
  return resumed;
}

/** A run's config with another number of epochs: its schedule is stretched over them from now on. */
function withEpochs(run: Run, epochs: number | undefined): Config {
  const { config } = run;
  if (epochs === undefined || epochs === config.epochs) return config;
  if (config.stages) {
    throw new UserError(
      `--resume ${run.path} --epochs: expected a run without stages, found ${config.stages.length}; ` +
        'give --recipe FILE with another stage at the end',
    );
  }
  const epoch = readMetrics(run).at(-1)?.epoch ?? 0;
  if (!(epochs > epoch)) {
    throw new UserError(
      `--resume ${run.path} --epochs: expected more than the ${epoch} epochs so far, found ${epochs}`,
    );
  }
  return resolveConfig({
    ...config,
    epochs,
    extended: [...(config.extended ?? []), { epoch, planned: config.epochs }],
  });
}

/** A run's config with the stages of a recipe that begins with those that the run has begun. */
function withStages(run: Run, { epochs = DEFAULT_CONFIG.epochs, stages }: Partial<Config>): Config {
  if (!run.config.stages) {
    throw new UserError(
      `--resume ${run.path}: expected no stages, because the run trains everything at once, found ${stages?.length}; ` +
        'train anew with another --out',
    );
  }
  const config = resolveConfig({ ...run.config, epochs, stages });
  for (const [i, begun] of run.config.stages.slice(0, begunStages(run)).entries()) {
    const found = config.stages?.[i];
    if (isDeepStrictEqual(begun, found)) continue;
    throw new UserError(
      `--resume ${run.path} goes on with stage ${i + 1}, ${stageText(begun)}; found ${found ? stageText(found) : 'none'}; ` +
        'give a recipe that begins with the stages so far, or train anew with another --out',
    );
  }
  return config;
}

/** The number of stages that have begun; the first one counts even before its first checkpoint. */
const begunStages = (run: Run): number =>
  existsSync(runFile(run, 'checkpoint')) ? (readRunCheckpoint(run).progress.stage ?? 0) + 1 : 1;

/** What changes if a run is extended; undefined if nothing does. */
export function extensionNote(before: Config, after: Config): string | undefined {
  const { schedule, epochs, warmup, lr, extended = [], stages } = after;
  if (stages) {
    if (isDeepStrictEqual(stages, before.stages)) return undefined;
    return `${stages.length} stages instead of ${before.stages?.length}, ${epochs} epochs altogether`;
  }
  if (epochs === before.epochs) return undefined;
  const { epoch } = extended[extended.length - 1];
  const rate = (at: number, of: number): string => (lr * rateFactor(schedule, at, of, warmup)).toPrecision(2);
  const last = epoch === 0 ? '' : ` (epoch ${epoch} began at ${rate(epoch - 1, before.epochs)})`;
  return (
    `${epochs} epochs instead of ${before.epochs}: the ${schedule} schedule is stretched over all of them, so the ` +
    `learning rate goes on at ${rate(epoch, epochs)}${last}`
  );
}
