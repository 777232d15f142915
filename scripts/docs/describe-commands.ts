import { z } from 'zod';

const Flag = z.object({
  name: z.string(),
  char: z.string().optional(),
  summary: z.string().optional(),
  description: z.string().optional(),
  type: z.enum(['option', 'boolean']),
  helpGroup: z.string().optional(),
  options: z.array(z.string()).optional(),
  default: z.unknown().optional(),
  required: z.boolean().optional(),
  multiple: z.boolean().optional(),
  allowNo: z.boolean().optional(),
  hidden: z.boolean().optional(),
});
const Argument = z.object({ name: z.string(), description: z.string().optional(), required: z.boolean().optional() });
const Command = z.object({
  id: z.string(),
  summary: z.string().optional(),
  description: z.string().optional(),
  strict: z.boolean().optional(),
  hidden: z.boolean().optional(),
  pluginName: z.string().optional(),
  args: z.record(z.string(), Argument),
  flags: z.record(z.string(), Flag),
  examples: z.array(z.union([z.string(), z.object({ description: z.string(), command: z.string() })])).optional(),
});

/** The parts of oclif.manifest.json that the reference prints. */
export const Manifest = z.object({ commands: z.record(z.string(), Command) });
type Flag = z.infer<typeof Flag>;
type Command = z.infer<typeof Command>;

/** The reference of all commands, as Markdown. */
export function describeCommands({ commands }: z.infer<typeof Manifest>): string {
  const shown = Object.values(commands)
    .filter(({ hidden }) => !hidden)
    .sort((a, b) => a.id.localeCompare(b.id, 'en'));
  return [
    '# Commands',
    '<!-- Written by `npm run docs:commands` from the commands themselves: edit src/commands/ and src/cli/. -->',
    'Every command has `--help`, and `--json` for machine-readable output. [Exit codes](exit-codes.md) are the same for all.',
    ['| command | what it does |', '| --- | --- |', ...shown.map(contentsLine)].join('\n'),
    ...shown.map(describeCommand),
  ]
    .join('\n\n')
    .concat('\n');
}

const nameOf = ({ id }: Command): string => `lcdnn ${id.replaceAll(':', ' ')}`;

const contentsLine = (command: Command): string =>
  `| [${nameOf(command)}](#${nameOf(command).replaceAll(' ', '-')}) | ${asCell(command.summary ?? '')} |`;

function describeCommand(command: Command): string {
  const args = Object.values(command.args);
  const usage = [
    nameOf(command),
    ...args.map(({ name, required }) => showArgument(name, required, command)),
    '[FLAGS]',
  ];
  return [
    `## ${nameOf(command)}`,
    asCell(command.summary ?? ''),
    block([usage.join(' ')]),
    asCell(command.description ?? ''),
    table(
      ['argument', 'meaning'],
      args.map(({ name, description = '' }) => [`\`${name.toUpperCase()}\``, asCell(description)]),
    ),
    ...describeFlags(Object.values(command.flags)),
    block((command.examples ?? []).map((example) => showExample(example, command))),
  ]
    .filter(Boolean)
    .join('\n\n');
}

const showArgument = (name: string, required: boolean | undefined, { strict }: Command): string => {
  const shown = `${name.toUpperCase()}${strict === false ? '...' : ''}`;
  return required ? shown : `[${shown}]`;
};

const showExample = (example: string | { description: string; command: string }, command: Command): string => {
  const text = typeof example === 'string' ? example : `# ${example.description}\n${example.command}`;
  return text
    .replaceAll('<%= config.bin %> <%= command.id %>', nameOf(command))
    .replaceAll('<%= config.bin %>', 'lcdnn');
};

/** One table for the flags without a group, then one for each group, without the flags that all commands have. */
function describeFlags(flags: readonly Flag[]): string[] {
  const own = flags.filter(({ hidden, name }) => !hidden && name !== 'json');
  const groups = [...new Set(own.map(({ helpGroup }) => helpGroup ?? ''))].sort(
    (a, b) => Number(a !== '') - Number(b !== ''),
  );
  return groups.flatMap((group) => {
    const rows = own.filter(({ helpGroup = '' }) => helpGroup === group).map(describeFlag);
    const title = group ? [`**${group[0]}${group.slice(1).toLowerCase()}**`] : [];
    return [...title, table(['flag', 'meaning'], rows)];
  });
}

function describeFlag(flag: Flag): string[] {
  const value = flag.type === 'boolean' ? '' : ` ${flag.options ? flag.options.join('\\|') : 'VALUE'}`;
  const names = `\`${flag.char ? `-${flag.char}, ` : ''}--${flag.allowNo ? '[no-]' : ''}${flag.name}${value}\``;
  const facts = [
    ...(flag.required ? ['required'] : []),
    ...(flag.multiple ? ['can be repeated'] : []),
    ...(flag.default !== undefined && flag.default !== false ? [`default: \`${flag.default}\``] : []),
  ];
  return [
    names,
    `${asCell(flag.summary ?? flag.description ?? '')}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`,
  ];
}

const table = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  rows.length === 0 ? '' : [titles, titles.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const block = (lines: readonly string[]): string => (lines.length === 0 ? '' : ['```sh', ...lines, '```'].join('\n'));

/** Text as a cell: on one line, with nothing that Markdown takes for a tag or the end of the cell. */
const asCell = (text: string): string =>
  text
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;');
