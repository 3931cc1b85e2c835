import { AgentError } from '../errors.ts';
import { Runtime, type RuntimeOptions } from './runtime.ts';
import type { ExecutionProvider, SessionOptions } from './session-options.ts';

/** Of a model's graph, or of a graph within it. */
export interface GraphNode {
  readonly operator: string;
  /** Empty when the model gives none. */
  readonly name: string;
}

/** What onnxruntime runs by one execution provider. */
export interface Placed {
  /** As onnxruntime names it: CUDAExecutionProvider. */
  readonly provider: string;
  readonly count: number;
  /** Empty when all of the model is here: then onnxruntime does not list them. */
  readonly nodes: readonly GraphNode[];
}

/**
 * What shapes are computed with. onnxruntime keeps such nodes on the processor on purpose, since shapes live in host memory; each
 * of these operators has a kernel for tensors of floats on every device, so that on the processor it handles a shape or an index.
 */
const shapeOperators: ReadonlySet<string> = new Set([
  ...['Abs', 'Add', 'And', 'Cast', 'Ceil', 'Concat', 'Constant', 'ConstantOfShape', 'Div', 'Equal', 'Expand', 'Floor'],
  ...['Gather', 'Greater', 'GreaterOrEqual', 'Identity', 'Less', 'LessOrEqual', 'Max', 'Min', 'Mod', 'Mul', 'Neg'],
  ...['NonZero', 'Not', 'Or', 'Range', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceSum', 'Reshape', 'Shape', 'Size'],
  ...['Slice', 'Split', 'Squeeze', 'Sub', 'Tile', 'Transpose', 'Unsqueeze', 'Where'],
]);
/** Named in an error, at most. */
const namedNodes = 5;

/** A runtime process that tells where onnxruntime would run each node, and ends. */
export class PlacementProbe {
  readonly runtime: Runtime;
  #log = '';

  constructor(options: RuntimeOptions) {
    this.runtime = new Runtime({ ...options, onStandardError: (text) => (this.#log += text) });
  }

  /**
   * @param milliseconds after which the process is killed
   * @throws AgentError RUNTIME_REFUSED when the model does not load, and what a runtime process ends with
   */
  async placements(path: string, options: SessionOptions, milliseconds: number): Promise<Placed[]> {
    await this.runtime.load(path, { ...options, logSeverityLevel: 0, logVerbosityLevel: 0 }, milliseconds);
    // onnxruntime wrote it before the process answered; all of it was read when the process is gone.
    await this.runtime.stop('its log is whole');
    return parsePlacements(this.#log);
  }
}

/**
 * Reads onnxruntime's verbose log, the only place where it tells of every node: `session.disable_cpu_ep_fallback` refuses nodes that
 * compute shapes, and overlooks graphs within the graph (measured with 1.30).
 * @throws AgentError RUNTIME_REFUSED when the log does not tell
 */
export function parsePlacements(log: string): Placed[] {
  const lines = [...log.matchAll(/VerifyEachNodeIsAssignedToAnEp\] *(.*)$/gm)].map(([, text]) => text!);
  const placed: Placed[] = [];
  for (let at = lines.indexOf('Node placements') + 1; at > 0 && at < lines.length; at += 1) {
    const head = /^(All nodes|Node\(s\)) placed on \[(\w+)\]\. Number of nodes: (\d+)$/.exec(lines[at]!);
    if (head === null) break;
    const [provider, count] = [head[2]!, Number(head[3])];
    const listed = head[1] === 'All nodes' ? [] : lines.slice(at + 1, at + 1 + count);
    at += listed.length;
    const nodes = listed.map((line) => /^(\S+) \((.*)\)$/.exec(line) ?? refuse());
    placed.push({ provider, count, nodes: nodes.map(([, operator, name]) => ({ operator: operator!, name: name! })) });
  }
  return placed.length > 0 ? placed : refuse();
}

function refuse(): never {
  throw new AgentError(
    'RUNTIME_REFUSED',
    'onnxruntime does not tell which nodes of the model would run on the processor',
  );
}

/**
 * A model that was placed on a device computes there, and nothing but shapes on the processor.
 * @throws AgentError RUNTIME_REFUSED naming the nodes that the device lacks an operator for
 */
export function assertRunsOnDevice(executionProvider: ExecutionProvider, placements: readonly Placed[]): void {
  if (executionProvider === 'CPU') return;
  const onProcessor = placements.find(({ provider }) => provider === 'CPUExecutionProvider');
  if (onProcessor === undefined) return;
  const refused = onProcessor.nodes.filter(({ operator }) => !shapeOperators.has(operator));
  if (placements.length > 1 && refused.length === 0) return;
  const named = refused
    .slice(0, namedNodes)
    .map(({ operator, name }) => (name === '' ? operator : `${operator} (${name})`));
  const rest = refused.length > namedNodes ? ` and ${refused.length - namedNodes} more` : '';
  const which = placements.length === 1 ? `all ${onProcessor.count} nodes of the model` : `${named.join(', ')}${rest}`;
  throw new AgentError(
    'RUNTIME_REFUSED',
    `${executionProvider} has no kernel for ${which}, which would run on the processor: export the model with other operators, or run it on the CPU`,
  );
}
