import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UserError } from '../../base/errors.js';
import { connectionNames } from '../../plan/connections.js';
import { energyOf } from './energy.js';
import { PUBLISHED_POWERS, readPowers } from './powers.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-powers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const still = { downloadMs: 0, compileMs: 0, computeMs: 0, uplinkMs: 0, edgeMs: 0 };
const powers = {
  processor: { busyMw: 2000, source: '' },
  radios: {
    '4g': { baseMw: 1000, upMwPerMbps: 400, downMwPerMbps: 50, tailMw: 500, tailMs: 10_000, source: '' },
  },
};

describe('energy of an answer', () => {
  it('is power x time, part by part', () => {
    const parts = { downloadMs: 1000, compileMs: 20, computeMs: 80, uplinkMs: 200, edgeMs: 10 };
    const energy = energyOf({ parts, bytesDown: 1e6, bytesUp: 5000 }, '4g', 0.5, powers)!;
    expect(energy.downloadMj).toBeCloseTo(1000 + 8 * 50, 9);
    expect(energy.computeMj).toBeCloseTo(200, 9);
    expect(energy.uplinkMj).toBeCloseTo(200 + 0.04 * 400, 9);
    expect(energy.waitMj).toBeCloseTo(5, 9);
    expect(energy.totalMj).toBeCloseTo(1400 + 200 + 216 + 5, 9);
    expect(energy.tailMj).toBeCloseTo(2500, 9);
  });

  it('is what the radio takes at that bandwidth, for that long', () => {
    // 10 Mbit/s for 2 s: 1000 mW + 10 x 50 mW.
    const parts = { ...still, downloadMs: 2000 };
    expect(energyOf({ parts, bytesDown: 20e6 / 8, bytesUp: 0 }, '4g, changed', 1, powers)?.totalMj).toBeCloseTo(
      3000,
      9,
    );
  });

  it('is not known for a connection without powers', () => {
    expect(energyOf({ parts: still, bytesDown: 0, bytesUp: 0 }, 'satellite', 1, powers)).toBeUndefined();
  });
});

describe('powers', () => {
  it('are published for every connection that we know', () => {
    expect(Object.keys(PUBLISHED_POWERS.radios)).toEqual(connectionNames);
  });

  const read = (content: unknown) => {
    const path = join(folder, 'powers.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return readPowers(path);
  };
  const whole = { baseMw: 1, upMwPerMbps: 2, downMwPerMbps: 3, tailMw: 4, tailMs: 5 };

  it('of a file stand in for the published ones', () => {
    const { processor, radios } = read({
      processor: { busyMw: 900, source: 'my meter' },
      radios: { '4g': { baseMw: 700 }, satellite: whole },
    });
    expect(processor).toEqual({ busyMw: 900, source: 'my meter' });
    expect(radios['4g']).toMatchObject({ baseMw: 700, tailMw: 1060 });
    expect(radios['4g'].source).toMatch(/powers\.json$/);
    expect(radios.satellite).toMatchObject(whole);
    expect(radios.wifi).toEqual(PUBLISHED_POWERS.radios.wifi);
    expect(read({})).toEqual(PUBLISHED_POWERS);
  });

  it.each([
    ['no JSON', '{', /isn't JSON/],
    ['another key', { cpu: {} }, /unknown key cpu/],
    ['a negative power', { processor: { busyMw: -1 } }, /-1 at processor.busyMw .*from 0/],
    ['a word for a power', { radios: { '4g': { tailMs: 'long' } } }, /at radios.4g.tailMs .*expected a number/],
    ['a further connection in part', { radios: { satellite: { baseMw: 1 } } }, /satellite.*add upMwPerMbps, .*tailMs/],
  ])('refuses %s', (_, content, message) => {
    expect(() => read(content)).toThrow(UserError);
    expect(() => read(content)).toThrow(message);
    expect(() => read(content)).not.toThrow(/\n/);
  });
});
