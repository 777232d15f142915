import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { resolveConfig } from '../run/config.js';
import { createMlflowReporter } from './mlflow.js';

const metrics = {
  ...{ epoch: 1, fullLoss: 1, branchLoss: 2, trainFullAccuracy: 0.5, trainBranchAccuracy: 0.4 },
  ...{ fullAccuracy: 0.6, branchAccuracy: 0.3, lr: 0.1, imagesPerSecond: 10 },
  further: [{ branchLoss: 3, trainBranchAccuracy: 0.2, branchAccuracy: 0.1 }],
};

let close = (): void => {};
afterEach(() => close());

/** A server that records requests and answers with the REST API's fields. */
async function mlflow(answer: (path: string) => [status: number, body: object]) {
  const requests: { path: string; body: { key?: string } & Record<string, unknown> }[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => {
      text += part;
    });
    request.on('end', () => {
      const path = request.url!.replace('/api/2.0/mlflow/', '');
      requests.push({ path, body: text ? JSON.parse(text) : {} });
      const [status, body] = answer(path);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => void server.close();
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

const works = (path: string): [number, object] => {
  if (path === 'experiments/create') return [400, { error_code: 'RESOURCE_ALREADY_EXISTS' }];
  if (path.startsWith('experiments/get-by-name')) return [200, { experiment: { experiment_id: '7' } }];
  return [200, path === 'runs/create' ? { run: { info: { run_id: 'r1' } } } : {}];
};

it('records options, every epoch with all exits, and the end', async () => {
  const { url, requests } = await mlflow(works);
  const reporter = await createMlflowReporter(url, { name: 'mine', config: resolveConfig({ epochs: 3 }) });
  reporter.onEpoch(metrics);
  await reporter.end('FINISHED');
  const [, , create, params, epoch, end] = requests;
  expect(create.body).toMatchObject({ experiment_id: '7', run_name: 'mine' });
  expect(params.body.params).toContainEqual({ key: 'epochs', value: '3' });
  const values = epoch.body.metrics as { key: string; value: number; step: number }[];
  expect(values.map(({ key }) => key)).toEqual(
    expect.arrayContaining(['fullAccuracy', 'branchAccuracy', 'branchAccuracy2']),
  );
  expect(values.every(({ step }) => step === 1)).toBe(true);
  expect(end).toMatchObject({ path: 'runs/update', body: { run_id: 'r1', status: 'FINISHED' } });
});

it('a server that fails later is a note; one that is not there is an error', async () => {
  let isBroken = false;
  const { url } = await mlflow((path) => (isBroken ? [503, {}] : works(path)));
  const notes: string[] = [];
  const config = resolveConfig({});
  const reporter = await createMlflowReporter(url, { name: 'x', config, onNote: (line) => notes.push(line) });
  isBroken = true;
  reporter.onEpoch(metrics);
  await reporter.end('KILLED');
  expect(notes).toEqual([
    expect.stringMatching(/^MLflow: not everything was recorded: .*log-batch: .* found status 503$/),
  ]);
  await expect(createMlflowReporter('http://127.0.0.1:2', { name: 'x', config })).rejects.toThrow(
    'expected an MLflow server',
  );
  await expect(createMlflowReporter('localhost', { name: 'x', config })).rejects.toThrow(
    '--mlflow: expected the address',
  );
});
