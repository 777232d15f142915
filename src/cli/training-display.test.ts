import { expect, it, vi } from 'vitest';
import { smallNetwork } from '../../test/small-network.js';
import { resolveConfig } from '../run/config.js';
import { epochStart } from '../train/reports.js';
import { createTrainingDisplay } from './training-display.js';

it.each([
  { stages: [], progress: epochStart(2, 40), line: 'resumed at epoch 3, step 0' },
  {
    stages: [
      { trains: 'full' as const, epochs: 3 },
      { trains: 'branch' as const, epochs: 2 },
    ],
    progress: epochStart(1, 40, 1),
    line: 'resumed at epoch 5, step 0',
  },
])('counts the epochs of all stages: $line', ({ stages, progress, line }) => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const config = resolveConfig({ epochs: 5, ...(stages.length > 0 ? { stages } : {}) });
  const display = createTrainingDisplay(false);
  display.onStart({ run: { path: 'run', config, network: smallNetwork(false) } as never, resumedFrom: progress });
  display.stop();
  const lines = write.mock.calls.map(([text]) => text);
  write.mockRestore();
  expect(lines).toContain(`${line}\n`);
});
