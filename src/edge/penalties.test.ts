import { describe, expect, it } from 'vitest';
import { createPenalties, MISUSE_POINTS, type Misuse, MOST_POINTS } from './penalties.js';

function clocked() {
  const clock = { ms: 1000 };
  return { clock, penalties: createPenalties(() => clock.ms) };
}

describe('penalties', () => {
  it.each(
    Object.entries(MISUSE_POINTS) as [Misuse, number][],
  )('%s starts one after enough points', (misuse, points) => {
    const { penalties } = clocked();
    const needed = Math.ceil(MOST_POINTS / points);
    for (let i = 1; i < needed; i++) expect([i, penalties.count('a', misuse)]).toEqual([i, false]);
    expect(penalties.has('a')).toBe(false);
    expect(penalties.count('a', misuse)).toBe(true);
    expect([penalties.has('a'), penalties.has('b')]).toEqual([true, false]);
    expect(penalties.count('a', misuse)).toBe(false); // it has started already
  });

  it('ends after ten seconds, and points count again from zero', () => {
    const { clock, penalties } = clocked();
    const start = () => Array.from({ length: MOST_POINTS / 10 }, () => penalties.count('a', 'tiny chunks')).at(-1);
    expect(start()).toBe(true);
    clock.ms += 9_999;
    expect(penalties.has('a')).toBe(true);
    clock.ms += 1;
    expect(penalties.has('a')).toBe(false);
    expect(start()).toBe(true);
  });

  it('takes twice as long each time, at most ten minutes, until an hour has passed without one', () => {
    const { clock, penalties } = clocked();
    const misuse = () => {
      for (let i = 0; i < MOST_POINTS / 10; i++) penalties.count('a', 'tiny chunks');
      return penalties.secondsOf('a');
    };
    const served = (ms: number) => {
      clock.ms += 1000 * penalties.secondsOf('a') - 1;
      expect(penalties.has('a')).toBe(true);
      clock.ms += 1;
      expect(penalties.has('a')).toBe(false);
      clock.ms += ms;
    };
    for (const seconds of [10, 20, 40, 80, 160, 320, 600, 600]) {
      expect(misuse()).toBe(seconds);
      served(1000);
    }
    clock.ms += 3_600_000 - 1001;
    expect(misuse()).toBe(600);
    served(3_600_000);
    expect(misuse()).toBe(10);
    expect(penalties.secondsOf('b')).toBe(0);
  });

  it('never starts for misuse that is rare', () => {
    const { clock, penalties } = clocked();
    for (let i = 0; i < 5000; i++) {
      clock.ms += 60;
      expect(penalties.count('a', 'invalid HTTP')).toBe(false);
    }
  });

  it('is remembered for a limited number of clients', () => {
    const { penalties } = clocked();
    for (let i = 0; i < 30; i++) penalties.count('first', 'tiny chunks');
    for (let client = 0; client < 10_000; client++)
      for (let i = 0; i < 20; i++) penalties.count(`${client}`, 'tiny chunks');
    expect([penalties.has('first'), penalties.has('9999')]).toEqual([false, true]);
  });
});
