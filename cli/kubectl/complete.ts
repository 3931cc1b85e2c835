import type { Argument, Command, Option } from 'commander';

/** Names that only the server, or the kubeconfig, knows. */
export type NameSource = 'jobs' | 'nodes' | 'clusters' | 'models' | 'namespaces' | 'contexts';

export interface Candidate {
  readonly value: string;
  readonly description?: string;
}

/** What may stand where the cursor is. */
export interface Completion {
  /** The part of the last word that is completed: of `--output=js` it is `js`. */
  readonly word: string;
  /** Stands before every candidate: `--output=`. */
  readonly prefix: string;
  readonly candidates: readonly Candidate[];
  readonly sources: readonly NameSource[];
  /** Whether a file may stand there. */
  readonly files: boolean;
  /** Flags before the cursor that say which server, and which namespace. */
  readonly connection: { readonly kubeconfig?: string; readonly context?: string; readonly namespace?: string };
}

/** By the name of the argument or of the value of an option, as the usage shows it. */
const sourcesByName: Readonly<Record<string, readonly NameSource[]>> = {
  job: ['jobs'],
  node: ['nodes', 'clusters'],
  target: ['jobs', 'nodes', 'clusters'],
  cluster: ['clusters'],
  model: ['models'],
};
const sourcesByFlag: Readonly<Record<string, readonly NameSource[]>> = {
  '--namespace': ['namespaces'],
  '--context': ['contexts'],
  '--cluster': ['clusters'],
};
const fileLike = /file|directory/;

/** @param words after the name of the program; the last one is where the cursor is, and may be empty */
export function completionOf(program: Command, words: readonly string[]): Completion {
  const last = words.at(-1) ?? '';
  let command = program;
  let position = 0;
  let awaited: Option | undefined;
  const connection: Record<string, string> = {};
  const remember = (option: Option, value: string): void => {
    if (['kubeconfig', 'context', 'namespace'].includes(option.attributeName()))
      connection[option.attributeName()] = value;
  };
  for (const word of words.slice(0, -1)) {
    if (awaited !== undefined) {
      remember(awaited, word);
      awaited = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const [flag, value] = splitFlag(word);
      const option = optionsOf(command).find((known) => known.short === flag || known.long === flag);
      if (option !== undefined && takesValue(option)) {
        if (value === undefined) awaited = option;
        else remember(option, value);
      }
      continue;
    }
    const next = command.commands.find((known) => known.name() === word || known.aliases().includes(word));
    if (next !== undefined && position === 0) command = next;
    else position += 1;
  }
  const found = { word: last, prefix: '', candidates: [], sources: [], files: false, connection };
  if (awaited !== undefined) return { ...found, ...valuesOf(awaited) };
  const [flag, value] = splitFlag(last);
  if (value !== undefined) {
    const option = optionsOf(command).find(({ long }) => long === flag);
    return { ...found, word: value, prefix: `${flag}=`, ...(option === undefined ? {} : valuesOf(option)) };
  }
  if (last.startsWith('-')) {
    const flags = optionsOf(command).flatMap(({ long, short, description, hidden }) =>
      hidden ? [] : [long, short].filter((name) => name !== undefined).map((name) => ({ value: name, description })),
    );
    return { ...found, candidates: flags.filter(({ value: name }) => name.startsWith(last)) };
  }
  const below = command.commands;
  if (below.length > 0) {
    const names = below.map((known) => ({ value: known.name(), description: known.description() }));
    return { ...found, candidates: names.filter(({ value: name }) => name.startsWith(last)) };
  }
  const argument = command.registeredArguments[position];
  return argument === undefined ? found : { ...found, ...valuesOfArgument(argument) };
}

function splitFlag(word: string): [flag: string, value: string | undefined] {
  const equals = word.startsWith('--') ? word.indexOf('=') : -1;
  return equals === -1 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

/** Those of the command, and those that it takes from the ones above it. */
function optionsOf(command: Command | null): readonly Option[] {
  return command === null ? [] : [...command.options, ...optionsOf(command.parent)];
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

type Values = Pick<Completion, 'candidates' | 'sources' | 'files'>;

function valuesOf(option: Option): Values {
  const { argChoices = [], long, flags } = option;
  return {
    candidates: argChoices.map((value) => ({ value })),
    sources: sourcesByFlag[long ?? ''] ?? [],
    files: fileLike.test(flags.slice(flags.indexOf('<'))),
  };
}

function valuesOfArgument(argument: Argument): Values {
  return {
    candidates: (argument.argChoices ?? []).map((value) => ({ value })),
    sources: sourcesByName[argument.name()] ?? [],
    files: fileLike.test(argument.name()),
  };
}

/** Of Cobra, whose answers kubectl reads: no file names; and the default, which has them. */
const directives = { NoFiles: 4, Files: 0 } as const;

/** The answer in the form of Cobra's `__complete`: a candidate a line, and the directive last. */
export function completionText({ word, prefix, files }: Completion, candidates: readonly Candidate[]): string {
  const lines = candidates
    .filter(({ value }) => value.startsWith(word))
    .map(({ value, description }) => {
      const about = description === undefined || description === '' ? '' : `\t${description}`;
      return `${prefix}${value}${about}\n`;
    });
  return `${lines.join('')}:${files ? directives.Files : directives.NoFiles}\n`;
}
