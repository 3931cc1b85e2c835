/** Characters of the truth that were read right: 1 - edits / characters, over all lines. */
export function characterAccuracy(read: readonly string[], truth: readonly string[]): number {
  if (read.length !== truth.length)
    throw new RangeError(`${read.length} lines were read; the truth has ${truth.length}`);
  const edits = read.reduce((sum, line, index) => sum + editDistance(line, truth[index]!), 0);
  const characters = truth.reduce((sum, line) => sum + line.length, 0);
  return 1 - edits / characters;
}

/** Levenshtein distance. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const substitution = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(previous[column]! + 1, current[column - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}
