import { expect, it } from 'vitest';
import { random } from '../base/random.js';
import { alwaysHigh } from '../scheduling/policies/always-high.js';
import type { Policy } from '../scheduling/policies/policy.js';
import { createScheduler } from './scheduler.js';
import { createUpstream } from './upstream.js';

function setUp(policy: Policy) {
  const upstreams = ['http://a', 'http://b'].map((origin) => createUpstream(origin, 10));
  for (const upstream of upstreams) upstream.up = true;
  const said: (string | undefined)[] = [];
  const events = { decided() {}, fallback: (reason: string | undefined) => said.push(reason) };
  const scheduler = createScheduler(upstreams, policy, 100, events, random(1));
  return { upstreams, said, scheduler };
}

const onlyFirst: Policy = ({ waiting }, _next, offers) => {
  offers[0] = waiting;
  offers[1] = 0;
};

it('decides by the policy', () => {
  const { scheduler, said } = setUp(onlyFirst);
  expect([...scheduler.decide(4)]).toEqual([4, 0]);
  expect(said).toEqual([]);
});

it('counts what others have at a server', () => {
  const { scheduler, upstreams } = setUp(alwaysHigh(0.05));
  upstreams[0].others = 8;
  upstreams[1].inFlight = 3;
  expect([...scheduler.offers(4)]).toEqual([2, 7]);
});

it('gives a server no more than it has places for, whatever the policy says', () => {
  const { scheduler, upstreams } = setUp(onlyFirst);
  upstreams[0].inFlight = 7;
  expect([...scheduler.decide(5)]).toEqual([3, 0]);
  upstreams[0].inFlight = 11;
  expect([...scheduler.decide(5)]).toEqual([0, 0]);
});

it('sends nothing to a server that is out, whatever the policy says', () => {
  const { scheduler, upstreams } = setUp(onlyFirst);
  upstreams[0].up = false;
  expect([...scheduler.decide(4)]).toEqual([0, 0]);
});

it.each<[string, Policy, RegExp]>([
  ['throws', () => JSON.parse('{'), /the policy failed: .*JSON/],
  ['offers what is no number', (_seen, _next, offers) => offers.fill(Number.NaN), /expected whole numbers .* NaN, NaN/],
  ['offers less than nothing', (_seen, _next, offers) => offers.fill(-1), /found -1, -1/],
])('goes on with least-loaded where the policy %s, and says so once', (_, policy, reason) => {
  const { scheduler, said } = setUp(policy);
  expect([...scheduler.decide(4)]).toEqual([2, 2]);
  expect([...scheduler.decide(4)]).toEqual([2, 2]);
  expect(said).toEqual([expect.stringMatching(reason)]);
  scheduler.use(onlyFirst);
  expect([...scheduler.decide(4)]).toEqual([4, 0]);
  expect(said[1]).toBeUndefined();
});

it('goes on with least-loaded while the reports of a server cannot be read', () => {
  const { scheduler, upstreams, said } = setUp(onlyFirst);
  upstreams[1].reportFault = 'expected a number';
  expect([...scheduler.decide(4)]).toEqual([2, 2]);
  upstreams[1].reportFault = undefined;
  expect([...scheduler.decide(4)]).toEqual([4, 0]);
  expect(said).toEqual(['http://b/metrics: expected a number', undefined]);
});

it('goes on with least-loaded where a new policy file is of no use', () => {
  const { scheduler, said } = setUp(onlyFirst);
  scheduler.use({ reason: 'x: the file is damaged' });
  expect(said).toEqual(['x: the file is damaged']);
  expect([...scheduler.decide(4)]).toEqual([2, 2]);
});
