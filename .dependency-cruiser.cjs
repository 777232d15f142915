/**
 * The import table of docs/architecture.md, as rules: each module of src/ may import itself, `base` and what is listed.
 * Tests stand beside the code and may import anything.
 */
const mayImport = {
  base: [],
  network: [],
  datasets: [],
  models: ['datasets'],
  run: ['network'],
  onnx: [],
  train: ['network', 'datasets', 'models', 'run', 'onnx'],
  tau: [],
  evaluation: [],
  provenance: ['network', 'datasets', 'run', 'export', 'bundle'],
  gates: ['network', 'datasets', 'run', 'evaluation'],
  bundle: [],
  export: ['network', 'run', 'onnx', 'bundle'],
  codegen: ['export/program', 'bundle'],
  edge: ['bundle', 'tau'],
  plan: ['network'],
  profiling: ['network', 'export', 'bundle', 'edge'],
  scheduling: [],
  gateway: ['edge', 'scheduling'],
  baselines: ['network', 'datasets', 'run', 'train', 'onnx', 'export', 'bundle', 'edge', 'plan', 'profiling'],
  cli: [
    'network',
    'datasets',
    'run',
    'train',
    'export',
    'tau',
    'plan',
    'scheduling',
    'edge',
    'baselines',
    'gates',
    'provenance',
    'profiling',
  ],
  report: ['network', 'run', 'plan', 'tau', 'evaluation', 'scheduling', 'baselines/results'],
  // Everything but cli.
  api: [
    ...[
      'network',
      'datasets',
      'models',
      'run',
      'train',
      'onnx',
      'export',
      'tau',
      'evaluation',
      'plan',
      'codegen',
      'bundle',
      'edge',
    ],
    ...['profiling', 'scheduling', 'gateway', 'baselines', 'report', 'gates', 'provenance'],
  ],
  commands: ['.+'],
};

const moduleRules = Object.entries(mayImport).map(([module, allowed]) => ({
  name: `imports-of-${module}`,
  comment: `src/${module}/ may import: ${['base', ...allowed].join(', ')} (docs/architecture.md)`,
  severity: 'error',
  from: { path: `^src/${module}/`, pathNot: '\\.test\\.ts$' },
  to: { path: '^src/', pathNot: [`^src/${module}/`, '^src/base/', ...allowed.map((target) => `^src/${target}[/.]`)] },
}));

module.exports = {
  forbidden: [
    ...moduleRules,
    {
      name: 'every-file-in-a-module',
      comment: 'every file of src/ is in a module of the table',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${Object.keys(mayImport).join('|')})/` },
      to: {},
    },
    {
      name: 'onnxruntime-without-telemetry',
      comment: 'src/base/onnxruntime.ts switches telemetry off before the library loads',
      severity: 'error',
      from: { path: '^src/', pathNot: ['\\.test\\.ts$', '^src/base/onnxruntime\\.ts$'] },
      to: { path: 'onnxruntime-node' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-tests-in-code',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { path: ['\\.test\\.ts$', '^test/'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
