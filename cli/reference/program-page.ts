import type { Command, Option } from 'commander';
import { exitMeanings, exitStatus } from '../exit-status.ts';
import { code, generatedNote, markdownTable, plain } from './markdown.ts';

export interface PageSettings {
  /** What a user types for the program: `kubectl isochrone`. */
  readonly typed: string;
  /** Commands whose flags are known only when they are loaded, by their names. */
  readonly loaded?: ReadonlyMap<string, Command>;
}

/** The reference of a program, by what its `--help` prints. */
export function programPage(program: Command, { typed, loaded = new Map<string, Command>() }: PageSettings): string {
  const commands = leaves(program).map((command) => loaded.get(command.name()) ?? command);
  const sections = commands.map((command) => {
    const names = namesOf(command, loaded, typed);
    return [`## ${names}`, ...commandParts(command, names)].join('\n\n');
  });
  const ofAll = flagTable(program);
  return [
    generatedNote,
    `# ${code(typed)}`,
    plain(program.description()),
    ...(loaded.size === 0 ? ['Every command takes these flags, before its name or after:', ofAll] : []),
    '## Exit status',
    markdownTable(
      ['Status', 'Meaning'],
      Object.entries(exitStatus).map(([name, status]) => [
        String(status),
        exitMeanings[name as keyof typeof exitStatus],
      ]),
    ),
    '[errors.md](errors.md) tells the exit status of each error.',
    ...sections,
    '',
  ].join('\n\n');
}

/** The commands that do something, in the order of the help. */
function leaves(command: Command): Command[] {
  const below = command.createHelp().visibleCommands(command);
  const own = below.filter((one) => one.name() !== 'help');
  return own.length === 0 ? [command] : own.flatMap(leaves);
}

function namesOf(command: Command, loaded: ReadonlyMap<string, Command>, typed: string): string {
  if ([...loaded.values()].includes(command)) return command.name();
  const names: string[] = [];
  for (let one: Command | null = command; one?.parent; one = one.parent) names.unshift(one.name());
  return [typed, ...names].join(' ');
}

function commandParts(command: Command, names: string): string[] {
  const args = command.registeredArguments;
  const rows = args
    .filter(({ description, argChoices }) => description !== '' || argChoices !== undefined)
    .map((argument) => {
      const { description, argChoices, required } = argument;
      const choices = argChoices === undefined ? '' : ` (${argChoices.map(code).join(', ')})`;
      const name = required ? `<${argument.name()}>` : `[${argument.name()}]`;
      return [code(name), `${plain(description)}${choices}`];
    });
  const usage = command.usage() === '' ? '' : ` ${command.usage()}`;
  const alias = command.alias();
  return [
    plain(command.description()),
    `\`\`\`text\n${names}${usage}\n\`\`\``,
    ...(alias === undefined ? [] : [`Also: ${code([...names.split(' ').slice(0, -1), alias].join(' '))}.`]),
    ...(rows.length === 0 ? [] : [markdownTable(['Argument', 'Meaning'], rows)]),
    ...(flagsOf(command).length === 0 ? [] : [flagTable(command)]),
  ];
}

/** Without --help, which every command has. */
function flagsOf(command: Command): readonly Option[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help');
}

function flagTable(command: Command): string {
  const help = command.createHelp();
  return markdownTable(
    ['Flag', 'Meaning'],
    flagsOf(command).map((option) => [
      code(help.optionTerm(option)),
      `${plain(help.optionDescription(option))}${option.mandatory ? ' (required)' : ''}`,
    ]),
  );
}
