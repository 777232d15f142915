import { expect, it } from 'vitest';
import { createReferenceCounts } from './reference-count.js';

it('ends once the last who uses a thing has left it, whether well or not', async () => {
  const references = createReferenceCounts();
  const [thing, other] = [{}, {}];
  const leave: (() => void)[] = [];
  const work = () => new Promise<void>((resolve) => leave.push(resolve));
  const good = references.during(thing, work);
  const bad = references.during(thing, () => work().then(() => Promise.reject(new Error('failed'))));
  let ended = false;
  const end = references.ended(thing).then(() => {
    ended = true;
  });
  await references.ended(other); // that nobody uses
  leave[0]();
  await good;
  expect(ended).toBe(false);
  leave[1]();
  await expect(bad).rejects.toThrow('failed');
  await end;
  expect(ended).toBe(true);
});
