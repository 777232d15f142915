/**
 * The import table of docs/architecture.md, as rules: each room of src/ may import itself, `base` and what is listed.
 * Tests stand beside the code and may import anything.
 */
const mayImport = {
  base: [],
  network: [],
  datasets: [],
  run: ['network'],
  onnx: [],
  train: ['network', 'datasets', 'run', 'onnx'],
  tau: [],
  bundle: [],
  export: ['network', 'run', 'onnx', 'bundle'],
  codegen: ['export/program', 'bundle'],
  edge: ['bundle', 'tau'],
  plan: ['network'],
  profiling: ['network', 'export', 'bundle', 'edge'],
  scheduling: [],
  gateway: ['edge', 'scheduling'],
  baselines: ['network', 'datasets', 'run', 'train', 'onnx', 'export', 'bundle', 'edge', 'plan', 'profiling'],
  cli: ['network', 'datasets', 'run', 'train', 'export', 'plan', 'scheduling', 'edge', 'baselines', 'api'],
  report: ['network', 'run', 'plan', 'tau', 'scheduling', 'baselines/results', 'cli'],
  api: [
    'network',
    'datasets',
    'run',
    'train',
    'onnx',
    'export',
    'tau',
    'plan',
    'report',
    'codegen',
    'bundle',
    'baselines',
    'cli',
  ],
  commands: ['.+'],
};

const roomRules = Object.entries(mayImport).map(([room, allowed]) => ({
  name: `imports-of-${room}`,
  comment: `src/${room}/ may import: ${['base', ...allowed].join(', ')} (docs/architecture.md)`,
  severity: 'error',
  from: { path: `^src/${room}/`, pathNot: '\\.test\\.ts$' },
  to: { path: '^src/', pathNot: [`^src/${room}/`, '^src/base/', ...allowed.map((target) => `^src/${target}[/.]`)] },
}));

module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'a-room-for-everything',
      comment: 'every file of src/ stands in a room of the table',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${Object.keys(mayImport).join('|')})/` },
      to: {},
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
