import { Command, Option } from 'commander';
import { environmentOf, flagOf, type OptionTable } from '@isochrone/service';
import { configFile } from './config-file.ts';
import { exitOverride } from './exit-override.ts';
import { installed } from './installed.ts';
import type { Service } from './services.ts';

/**
 * The command of a program. Its flags are known only once the program is loaded, so the outer command takes anything and
 * an inner one parses it.
 */
export function serviceCommand(name: string, service: Service, setStatus: (status: number) => void): Command {
  return new Command(name)
    .description(service.description)
    .allowUnknownOption()
    .helpOption(false)
    .argument('[options...]')
    .action(async (_given: string[], _options: unknown, outer: Command) => {
      const program = await installed(name, () => service.load());
      const { command, flags } = commandOf(`isochrone ${name}`, service.description, program.options);
      command.parse(outer.args, { from: 'user' });
      const { config, ...given } = flags();
      const file = configFile(config as string | undefined, process.env);
      setStatus(await program.start({ flags: given, env: process.env, ...(file !== undefined && { file }) }));
    });
}

type Flags = Record<string, string | boolean | undefined>;

/** The inner command, with the flags of the program. */
export function commandOf(
  name: string,
  description: string,
  table: OptionTable,
): { command: Command; flags: () => Flags } {
  const command = exitOverride(new Command(name))
    .description(description)
    .allowExcessArguments(false)
    .option('--config <file>', 'YAML file with the options below by their camelCase names (ISOCHRONE_CONFIG)');
  const keys = new Map([['config', 'config']]);
  for (const [key, { kind, settings }] of Object.entries(table)) {
    const value = { string: ' <text>', integer: ' <integer>', boolean: ' [true|false]', list: ' <a,b,...>' }[kind];
    const flag = new Option(`${flagOf(key)}${value}`, helpOf(key, settings));
    keys.set(flag.attributeName(), key);
    command.addOption(flag);
  }
  const flags = (): Flags =>
    Object.fromEntries(Object.entries(command.opts<Flags>()).map(([name, value]) => [keys.get(name) ?? name, value]));
  return { command, flags };
}

interface HelpSettings {
  readonly description: string;
  readonly default?: unknown;
  readonly required?: boolean;
  readonly choices?: readonly string[];
}

function helpOf(key: string, { description, default: value, required, choices }: HelpSettings): string {
  const notes = [
    ...(choices === undefined ? [] : [`one of ${choices.join(', ')}`]),
    ...(value === undefined ? [] : [`default ${Array.isArray(value) ? value.join(',') : JSON.stringify(value)}`]),
    ...(required === true ? ['required'] : []),
    environmentOf(key),
  ];
  return `${description} (${notes.join('; ')})`;
}
