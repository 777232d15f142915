import { expect, it } from 'vitest';
import { describeNotices } from './describe-notices.js';

it('lists every version of a package once, by name', () => {
  const b = { name: 'b', version: '1.0.0', license: 'MIT', optional: false };
  const page = describeNotices([b, { name: 'a', version: '2.0.0', license: 'ISC', optional: true }, b]);
  expect(page.split('\n').filter((line) => /^\| [ab] /.test(line))).toEqual([
    '| a | 2.0.0 | ISC | some platforms |',
    '| b | 1.0.0 | MIT | always |',
  ]);
});
