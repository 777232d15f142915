import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { readSystemResults } from '../../src/baselines/results/results.js';
import { copyOf, fresh, lcdnn, RUN } from '../faults/cli.js';

let run: string;

beforeAll(async () => {
  run = copyOf(RUN);
  const { code, stderr } = await lcdnn('evaluate', run);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

it('measures every approach, for "report" to draw', async () => {
  const out = fresh('results.json');
  const peer = ['--litert-int8', fileURLToPath(new URL('../fixtures/litert/tiny-int8.tflite', import.meta.url))];
  const { code, stdout } = await lcdnn('bench', 'system', run, '--quick', '--network', 'wifi', '--out', out, ...peer);
  expect(code).toBe(0);
  expect(stdout).toMatch(/lenet on tiny.*over wifi.*mobile-only-int8/s);
  const [{ approaches }] = readSystemResults(out).networks;
  const of = (name: string) => approaches.find(({ approach }) => approach === name)!;
  const names = [
    ...[
      'lcdnn',
      'lcdnn-first',
      'mobile-only',
      'mobile-only-int8',
      'litert-int8',
      'edge-only',
      'neurosurgeon',
      'edgent',
      'binary',
    ],
  ];
  expect(approaches.map(({ approach }) => approach)).toEqual(names);
  for (const { approach, measurements, edge } of approaches) {
    const [{ cold, warm }] = measurements;
    const { downloadMs, compileMs, computeMs, uplinkMs, edgeMs } = cold.parts;
    expect(warm.eachMs.length, approach).toBe(20);
    expect(cold.meanMs, approach).toBeGreaterThanOrEqual(0.99 * (downloadMs + compileMs + computeMs));
    // The branch may be loaded while lcdnn-first's request travels, and answer first.
    if (approach !== 'lcdnn-first') expect(uplinkMs > 0 && edgeMs > 0, approach).toBe(cold.bytesUp > 0);
    expect(edge.perSecond !== undefined, approach).toBe(edge.asked > 0);
  }
  expect(of('lcdnn').downloadBytes).toBeLessThan(of('mobile-only').downloadBytes / 10);
  // Before the branch is loaded, every image is sent.
  expect(of('lcdnn-first').measurements[0].cold.bytesUp).toBeGreaterThan(0);
  expect(of('lcdnn-first').edge.asked).toBe(of('lcdnn').edge.asked);
  expect(of('edge-only').edge.asked).toBe(1);
  expect(of('binary').measurements[0].cold.bytesUp).toBe(0);
  expect(of('mobile-only').accuracy).toEqual(of('edge-only').accuracy);
  const page = fresh('report.html');
  expect((await lcdnn('report', out, '--out', page)).code).toBe(0);
  expect(existsSync(page)).toBe(true);
});

it('plans a baseline and runs it', async () => {
  const out = fresh('edgent');
  const planned = await lcdnn('baseline', 'plan', 'neurosurgeon', run, '--network', 'wifi', '--out', out, '--json');
  expect(planned.code).toBe(0);
  const { considered, expected, plan } = JSON.parse(planned.stdout);
  expect(considered.map((one: { plan: string }) => one.plan)).toContain(plan);
  expect(expected.latencyMs).toBe(Math.min(...considered.map((one: { latencyMs: number }) => one.latencyMs)));
  const { code, stdout } = await lcdnn('baseline', 'run', out, run, '--network', 'wifi', '--visits', '1', '--json');
  expect(code).toBe(0);
  const found = JSON.parse(stdout);
  // Of the network that lcdnn evaluated: 30 test images.
  expect(found.images).toBe(30);
  expect(found.right / 30).toBeCloseTo(JSON.parse((await lcdnn('evaluate', run, '--json')).stdout).full.accuracy, 6);
});
