import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { KERNEL_ARGUMENTS } from './program.js';

const header = readFileSync(new URL('../../kernels/cpp/include/lcdnn.h', import.meta.url), 'utf8');

const camelCase = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

it.each(Object.entries(KERNEL_ARGUMENTS))('%s has the arguments of the header', (kernel, names) => {
  const parameters = header.match(new RegExp(`^void lcdnn_${kernel}\\(([^)]*)\\);`, 'm'))?.[1] ?? '';
  expect(parameters.split(',').map((parameter) => camelCase(parameter.trim().split(' ').at(-1)!))).toEqual(names);
});
