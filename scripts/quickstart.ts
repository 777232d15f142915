// npm run quickstart - the main job on the built-in sample: train, tune, evaluate, export, classify.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const lcdnn = fileURLToPath(new URL('../bin/run.js', import.meta.url));

function step(...args: string[]): void {
  console.log(`\n$ lcdnn ${args.join(' ')}`);
  const { status } = spawnSync(process.execPath, [lcdnn, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

rmSync('quickstart', { recursive: true, force: true });
step('train', '--dataset', 'fashion-mnist-sample', '--epochs', '8', '--validation', '1000', '--out', 'quickstart/run');
step('tune-tau', 'quickstart/run');
step('evaluate', 'quickstart/run');
step('export', 'quickstart/run', '--target', 'web', '--out', 'quickstart/bundle');
step('predict', '--bundle', 'quickstart/bundle', 'quickstart/bundle/demo/samples');
console.log('\nNow try it in a browser: node bin/run.js serve quickstart/bundle');
