import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { plainImage } from '../image-files.js';
import { folder, fresh, lcdnn, start } from './cli.js';

vi.setConfig({ testTimeout: 300_000 });

const photos = join(folder, 'my photos');
const out = join(folder, 'learned');

beforeAll(async () => {
  // Small, so that the pretrained network takes seconds.
  const train = { 'image-size': 32, views: 2, epochs: 20, 'batch-size': 8, validation: 0.2 };
  writeFileSync(join(folder, 'lcdnn.config.json'), JSON.stringify({ train }));
  for (const [label, name] of ['a', 'b'].entries()) {
    for (let i = 0; i < 16; i++) await plainImage(join(photos, name, `${i}.png`), [200 * label, 10 * i, 30]);
  }
});

describe('lcdnn learn', () => {
  it('prints each step as a command with its result, and what to open', async () => {
    const { code, stdout } = await lcdnn('learn', photos, '--out', out, '--seed', '3');
    expect(code).toBe(0);
    const run = /--out (\S+\/runs\/\w{12})\n/.exec(stdout)![1];
    const commands = [...stdout.matchAll(/^\$ lcdnn (.*)$/gm)].map(([, command]) => command);
    const page = join(out, 'page');
    expect(commands).toEqual([
      `data check '${photos}' --image-size 32 --validation 0.2 --seed 3`,
      expect.stringMatching(/^train --recipe photos .*--views 2 .*--seed 3 .*--data-dir '.*\/my photos' --out \S+$/),
      `tune-tau ${run} --entropy-temperature 0.5 --objective risk --epsilon 0.01 --delta 0.1 --cross-fit 3`,
      `evaluate ${run}`,
      `export ${run} --target web --out ${page} --name my-photos`,
    ]);
    expect(stdout).toMatch(/2 classes\nclass +train +validation +test\na /);
    expect(stdout).toMatch(/tau \d\.\d+ \(exact, risk, entropy at temperature 0\.5\) on \d+ cross-fitted images/);
    expect(stdout).toMatch(
      /Proving 1\.00 % takes 230 for validation: about [\d,]+ photographs besides those for testing/,
    );
    expect(stdout).toMatch(/folder my photos, test split, \d+ images\n.*\nfull branch +\d/);
    expect(stdout).toMatch(new RegExp(`open the address that it prints:\n {2}lcdnn serve ${page}\n$`));
    expect(existsSync(join(page, 'manifest.json'))).toBe(true);
    // Each photograph was decoded once for all of its views.
    expect(readdirSync(join(folder, 'cache/lcdnn/images')).filter((name) => name.endsWith('.packed'))).toHaveLength(1);
  });

  it('skips what has not changed, and trains another run if a photograph was added', async () => {
    const { run, steps } = JSON.parse((await lcdnn('learn', photos, '--out', out, '--seed', '3', '--json')).stdout);
    expect(new Set(Object.values(steps))).toEqual(new Set(['skipped']));
    await plainImage(join(photos, 'b', 'new.png'), [5, 250, 250]);
    // Its validation photographs are enough for this limit.
    const { code, stdout } = await lcdnn('learn', photos, '--out', out, '--epsilon', '0.5', '--delta', '0.2');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^\$ lcdnn tune-tau \S+ --entropy-temperature 0\.5 --objective risk --epsilon 0\.5 --delta 0\.2$/m,
    );
    expect(stdout).not.toMatch(/Proving|skipped/);
    expect(stdout).not.toContain(run);
    rmSync(join(photos, 'b', 'new.png'));
  });

  it('a class "other" is trained as the others are, and answers images of no class', async () => {
    const [unknown, withOther] = [join(folder, 'unknown'), join(folder, 'with other')];
    cpSync(photos, withOther, { recursive: true });
    for (let i = 0; i < 16; i++) {
      await plainImage(join(withOther, 'other', `${i}.png`), [10 * i, 40, 250]);
      await plainImage(join(unknown, `${i}.png`), [5 + 10 * i, 60, 230]);
    }
    const wrongExits = async (data: string): Promise<number> => {
      const loose = ['--epsilon', '0.5', '--delta', '0.2', '--json'];
      const { run } = JSON.parse((await lcdnn('learn', data, '--out', out, ...loose)).stdout);
      const { stdout } = await lcdnn('evaluate', run, '--unknown', unknown, '--json');
      return JSON.parse(stdout).unknown.exits;
    };
    const without = await wrongExits(photos);
    expect(without).toBeGreaterThan(8);
    expect(await wrongExits(withOther)).toBeLessThan(without / 2);
  });

  it('trains on all of a few photographs, and continues a training that was interrupted', async () => {
    const at = fresh('stopped');
    const config = fresh('lcdnn.config.json');
    const { validation: _, ...train } = JSON.parse(readFileSync(join(folder, 'lcdnn.config.json'), 'utf8')).train;
    writeFileSync(config, JSON.stringify({ train: { ...train, epochs: 200 } }));
    const stopped = start(['learn', photos, '--out', at], `export LCDNN_CONFIG=${config}`);
    await stopped.printed('--validation 0 ');
    await stopped.printed('epoch   2/200');
    stopped.child.kill('SIGINT');
    expect((await stopped.ended).code).toBe(130);
    const killed = start(['learn', photos, '--out', at], `export LCDNN_CONFIG=${config}`);
    await killed.printed('resumed at epoch');
    killed.child.kill('SIGKILL');
    const { stdout } = await killed.ended;
    expect(stdout).toMatch(/skipped: nothing that it depends on has changed\n\n\$ lcdnn train --resume \S+\n/);
  });

  it('stops at Ctrl-C while it cross-fits, before the fold is trained to its end', async () => {
    const config = fresh('lcdnn.config.json');
    const { validation: _, ...train } = JSON.parse(readFileSync(join(folder, 'lcdnn.config.json'), 'utf8')).train;
    writeFileSync(config, JSON.stringify({ train: { ...train, epochs: 30 } }));
    const stopped = start(['learn', photos, '--out', fresh('stopped')], `export LCDNN_CONFIG=${config}`);
    await stopped.printed('training the head of fold 1 of 3');
    stopped.child.kill('SIGINT');
    const { code, stdout } = await stopped.ended;
    expect(code).toBe(130);
    expect(stdout).not.toContain('lcdnn evaluate');
  });

  it('cross-fits more than 500 photographs in two folds, which takes half the time', async () => {
    const [config, many] = [fresh('lcdnn.config.json'), join(fresh('many'), 'photos')];
    writeFileSync(config, JSON.stringify({ train: { 'image-size': 32, views: 1, epochs: 1, validation: 0 } }));
    for (const [label, name] of ['a', 'b'].entries()) {
      for (let i = 0; i < 252; i++) await plainImage(join(many, 'train', name, `${i}.png`), [200 * label, i, 30]);
      for (let i = 0; i < 4; i++) await plainImage(join(many, 'test', name, `${i}.png`), [200 * label, 10 * i, 40]);
    }
    const learning = start(['learn', many, '--out', fresh('learned')], `export LCDNN_CONFIG=${config}`);
    await learning.printed('on 504 cross-fitted images');
    learning.child.kill('SIGKILL');
    expect((await learning.ended).stdout).toMatch(/^\$ lcdnn tune-tau .* --cross-fit 2$/m);
  });
});
