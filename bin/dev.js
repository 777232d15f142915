#!/usr/bin/env -S node --import tsx
// The same command line, straight from src/: `bin/dev.js train --help`.
import { execute } from '@oclif/core';

await execute({ development: true, dir: import.meta.url });
