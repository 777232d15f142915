import { describe, expect, it } from 'vitest';
import { createRateLimit } from './rate-limit.js';

function setUp(perSecond: number) {
  const clock = { ms: 0 };
  const limit = createRateLimit(perSecond, () => clock.ms);
  const isAllowed = (address: string, how: 'count' | 'check' = 'count'): boolean => {
    try {
      limit[how](address);
      return true;
    } catch {
      return false;
    }
  };
  return { clock, isAllowed };
}

describe('a rate limit', () => {
  it('allows a number of requests per second and client', () => {
    const { clock, isAllowed } = setUp(2);
    expect([isAllowed('a'), isAllowed('a'), isAllowed('a'), isAllowed('b')]).toEqual([true, true, false, true]);
    clock.ms = 999;
    expect(isAllowed('a')).toBe(false);
    clock.ms = 1000;
    expect(isAllowed('a')).toBe(true);
  });

  it('checks without counting', () => {
    const { isAllowed } = setUp(1);
    expect([isAllowed('a', 'check'), isAllowed('a', 'check'), isAllowed('a'), isAllowed('a', 'check')]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it('counts the addresses of an IPv6 network as one client', () => {
    const { isAllowed } = setUp(1);
    expect([isAllowed('2001:db8::1'), isAllowed('2001:db8::2'), isAllowed('2001:db8:0:1::1')]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('uses bounded memory, however many clients come', () => {
    const { isAllowed } = setUp(1);
    for (let i = 0; i < 30_000; i++) isAllowed(`client ${i}`);
    // Forgotten clients may come again; those counted last are remembered.
    expect([isAllowed('client 0'), isAllowed('client 29999')]).toEqual([true, false]);
  });

  it('does not depend on the system clock, which may step back', () => {
    const limit = createRateLimit(1);
    const realNow = Date.now;
    try {
      limit.count('a');
      Date.now = () => realNow() - 3_600_000;
      expect(() => limit.count('a')).toThrow(expect.objectContaining({ statusCode: 429, retryAfterS: 1 }));
    } finally {
      Date.now = realNow;
    }
  });
});
