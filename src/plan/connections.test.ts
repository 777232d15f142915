import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONNECTIONS, connectionProfile, emulation, transferMs } from './connections.js';

describe('networkProfile', () => {
  it("has the paper's 5G", () => {
    expect(connectionProfile('5g')).toMatchObject({ upMbps: 150, downMbps: 600 });
  });

  it('takes numbers of the user in the place of its own, and says so', () => {
    const { roundTripMs } = connectionProfile('4g');
    expect(connectionProfile('4g', { upMbps: 5, downMbps: undefined })).toMatchObject({
      name: '4g, changed',
      upMbps: 5,
      downMbps: 8.1,
      roundTripMs,
    });
    expect(connectionProfile('4g', { upMbps: undefined })).toBe(CONNECTIONS.find(({ name }) => name === '4g'));
  });

  it.each([
    ['6g', {}, /^network: expected one of 3g, 4g, 5g, wifi, found 6g/],
    ['wify', {}, /did you mean wifi\?$/],
    ['4g', { upMbps: 0 }, '--up: expected a bandwidth above 0 Mbit/s, found 0'],
    ['4g', { downMbps: -1 }, '--down: expected a bandwidth above 0 Mbit/s, found -1'],
    ['4g', { roundTripMs: -1 }, '--rtt: expected a round trip of 0 ms or more, found -1'],
  ])('refuses %s with %j', (name, custom, reason) => {
    expect(() => connectionProfile(name, custom)).toThrow(reason);
  });
});

it('moves a megabyte in 8 s at a megabit a second', () => {
  expect(transferMs(1e6, 1)).toBe(8000);
});

it('tells Chromium bytes a second', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 1000, noNaN: true }), (upMbps) => {
      const { uploadThroughput } = emulation(connectionProfile('wifi', { upMbps }));
      expect((1000 * 5e5) / uploadThroughput).toBeCloseTo(transferMs(5e5, upMbps), 6);
    }),
  );
});
