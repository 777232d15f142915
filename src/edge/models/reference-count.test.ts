import { expect, it } from 'vitest';
import { createUses } from './reference-count.js';

it('ends once the last who uses a thing has left it, whether well or not', async () => {
  const uses = createUses();
  const [thing, other] = [{}, {}];
  const leave: (() => void)[] = [];
  const work = () => new Promise<void>((resolve) => leave.push(resolve));
  const good = uses.during(thing, work);
  const bad = uses.during(thing, () => work().then(() => Promise.reject(new Error('failed'))));
  let ended = false;
  const end = uses.ended(thing).then(() => {
    ended = true;
  });
  await uses.ended(other); // that nobody uses
  leave[0]();
  await good;
  expect(ended).toBe(false);
  leave[1]();
  await expect(bad).rejects.toThrow('failed');
  await end;
  expect(ended).toBe(true);
});
