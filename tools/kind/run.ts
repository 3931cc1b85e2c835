/** Runs a program to its end. @returns its standard output. @throws ToolError CommandFailed */
export type Run = (program: string, args: readonly string[], input?: string) => Promise<string>;
