import { messageOf, UserError } from '../base/errors.js';
import { exitsOf } from '../base/exits.js';
import type { Config } from '../run/config.js';
import type { EpochMetrics } from '../run/run-directory.js';
import type { TrainingEvents } from './train-run.js';

/** Longest value of a parameter that MLflow stores. */
const LONGEST_VALUE = 500;
const TIMEOUT_MS = 10_000;

/** Sends a training to an MLflow tracking server. */
export interface MlflowReporter {
  onEpoch(metrics: EpochMetrics): void;
  /** Waits until everything is sent, and closes the run. Reports a server that failed with `onNote`, once. */
  end(status: 'FINISHED' | 'KILLED' | 'FAILED'): Promise<void>;
}

/**
 * Creates a run on an MLflow tracking server (its REST API 2.0), with the options as parameters. A server that fails later
 * doesn't stop the training.
 *
 * @param server address of the server, such as `http://localhost:5000`
 * @throws UserError if the server can't be reached now
 */
export async function createMlflowReporter(
  server: string,
  {
    name,
    config,
    onNote,
  }: { readonly name: string; readonly config: Config; readonly onNote?: (line: string) => void },
): Promise<MlflowReporter> {
  const call = caller(server);
  const experiment = `lcdnn ${config.network} ${config.dataset}`;
  const experimentId = await idOfExperiment(call, experiment);
  const start = { experiment_id: experimentId, run_name: name, start_time: Date.now() };
  const { run } = (await call('POST', 'runs/create', start)) as { run: { info: { run_id: string } } };
  const { run_id } = run.info;
  const params = Object.entries(config)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value: String(JSON.stringify(value)).slice(0, LONGEST_VALUE) }));
  await call('POST', 'runs/log-batch', { run_id, params });

  let sent: Promise<unknown> = Promise.resolve();
  let failed: string | undefined;
  const queue = (path: string, body: object): void => {
    sent = sent
      .then(() => call('POST', path, body))
      .catch((thrown) => {
        failed ??= messageOf(thrown);
      });
  };
  return {
    onEpoch(metrics) {
      const timestamp = Date.now();
      const values = valuesOf(metrics).map(([key, value]) => ({ key, value, timestamp, step: metrics.epoch }));
      queue('runs/log-batch', { run_id, metrics: values });
    },
    async end(status) {
      queue('runs/update', { run_id, status, end_time: Date.now() });
      await sent;
      if (failed !== undefined) onNote?.(`MLflow: not everything was recorded: ${failed}`);
    },
  };
}

/** Trains with a reporter for every epoch, if there is a server, and closes the run there however training ends. */
export async function withMlflow<Result extends { readonly interrupted: boolean }>(
  server: string | undefined,
  { onEpoch, ...run }: Parameters<typeof createMlflowReporter>[1] & Pick<TrainingEvents, 'onEpoch'>,
  work: (onEpoch: TrainingEvents['onEpoch']) => Promise<Result>,
): Promise<Result> {
  if (server === undefined) return work(onEpoch);
  const reporter = await createMlflowReporter(server, run);
  try {
    const result = await work((metrics) => {
      onEpoch?.(metrics);
      reporter.onEpoch(metrics);
    });
    await reporter.end(result.interrupted ? 'KILLED' : 'FINISHED');
    return result;
  } catch (thrown) {
    await reporter.end('FAILED');
    throw thrown;
  }
}

type Call = (method: 'GET' | 'POST', path: string, body?: object) => Promise<unknown>;

function caller(server: string): Call {
  if (!URL.canParse(server)) throw new UserError(`--mlflow: expected the address of a server, found ${server}`);
  const base = `${server.replace(/\/$/, '')}/api/2.0/mlflow/`;
  return async (method, path, body) => {
    const url = `${base}${path}`;
    const request = { method, body: body && JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await fetch(url, { ...request, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch((thrown) => {
      throw new UserError(`${url}: expected an MLflow server, found: ${messageOf(thrown)}`);
    });
    if (response.ok) return response.json();
    throw new UserError(`${url}: expected an MLflow server, found status ${response.status}`);
  };
}

async function idOfExperiment(call: Call, name: string): Promise<string> {
  try {
    const created = (await call('POST', 'experiments/create', { name })) as { experiment_id: string };
    return created.experiment_id;
  } catch (thrown) {
    // It exists: MLflow answers with 400.
    if (!messageOf(thrown).includes('status 400')) throw thrown;
    const path = `experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`;
    const found = (await call('GET', path)) as { experiment: { experiment_id: string } };
    return found.experiment.experiment_id;
  }
}

function valuesOf(metrics: EpochMetrics): [string, number][] {
  const { epoch: _, stage: __, further: ___, branchLoss, trainBranchAccuracy, branchAccuracy, ...rest } = metrics;
  const exits = exitsOf<Pick<EpochMetrics, 'branchLoss' | 'trainBranchAccuracy' | 'branchAccuracy'>>(metrics);
  const branches = exits.flatMap((exit, i): [string, number | undefined][] => {
    const number = i === 0 ? '' : String(i + 1);
    return [
      [`branchLoss${number}`, exit.branchLoss],
      [`trainBranchAccuracy${number}`, exit.trainBranchAccuracy],
      [`branchAccuracy${number}`, exit.branchAccuracy],
    ];
  });
  return [...(Object.entries(rest) as [string, number | undefined][]), ...branches].filter(
    (entry): entry is [string, number] => entry[1] !== undefined,
  );
}
