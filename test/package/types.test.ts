import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lcdnn-types-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

mkdirSync(join(folder, 'node_modules'));
symlinkSync(ROOT, join(folder, 'node_modules/lcdnn'));
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
const program = join(folder, 'program.ts');
writeFileSync(
  program,
  `import { evaluate, evaluationGates, exportWeb, runPipeline, train, tuneTau, UserError, type Gate, type TrainResult } from 'lcdnn';
const { run }: TrainResult = await train({ out: 'run', options: { dataset: 'mnist', epochs: 3 }, onEpoch: ({ epoch }) => epoch });
const tau: number = (await tuneTau(run, { objective: 'risk' })).tau;
const accuracy: number = (await evaluate(run)).full.accuracy;
const bytes: number = (await exportWeb(run, { out: 'bundle' })).downloadBytes;
const stop = AbortSignal.timeout(1000);
await evaluate(run, { signal: stop, onImages: (done, total) => void (done / total) });
const { gates, passed } = await runPipeline({ out: 'build', signal: stop, limits: { minAccuracy: { both: 0.9 } } });
const failed: Gate[] = gates.filter((gate) => !gate.passed);
const code: string = new UserError('x').code;
// @ts-expect-error limits are numbers
await runPipeline({ out: 'build', limits: { minExits: '0.5' } });
// @ts-expect-error the folder of the bundle is required
await exportWeb(run, {}).catch((thrown: UserError) => thrown.exitCode);
export { accuracy, bytes, code, evaluationGates, failed, passed, tau };
`,
);

it.each([
  ['node16', ts.ModuleKind.Node16, ts.ModuleResolutionKind.Node16],
  ['bundler', ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler],
])('the types of the package resolve under moduleResolution %s', (_, module, moduleResolution) => {
  const options = { module, moduleResolution, target: ts.ScriptTarget.ES2022, strict: true, noEmit: true };
  const compiled = ts.createProgram([program], { ...options, skipLibCheck: true, types: [] });
  const problems = ts.getPreEmitDiagnostics(compiled).map(({ messageText, file }) => {
    return `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
  expect(problems).toEqual([]);
});
