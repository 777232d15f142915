#!/usr/bin/env node
import '../dist/base/no-telemetry.js';
import { execute } from '@oclif/core';

await execute({ dir: import.meta.url });
