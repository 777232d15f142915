// The loader for places where import() is forbidden: service workers and the background scripts of extensions. It loads its other
// scripts at once. Use it as you use lcdnn.js.

import { loadWith } from './lcdnn.js';
import * as branch from './lcdnn-branch.js';
import * as edge from './lcdnn-edge.js';
import * as first from './lcdnn-first.js';
import * as resize from './lcdnn-resize.js';
import * as stream from './lcdnn-stream.js';

const modules = {
  'lcdnn-branch.js': branch,
  'lcdnn-edge.js': edge,
  'lcdnn-first.js': first,
  'lcdnn-resize.js': resize,
  'lcdnn-stream.js': stream,
};

export function load(base, options) {
  return loadWith(modules, base, options);
}
