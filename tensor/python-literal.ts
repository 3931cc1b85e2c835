/** A value of the Python literals that .npy headers are made of. Integers are bigints: a header may claim any size. */
export type PythonLiteral = string | boolean | bigint | PythonSequence | PythonDictionary;

export interface PythonSequence {
  readonly kind: 'tuple' | 'list';
  readonly items: readonly PythonLiteral[];
}

/** Pairs as they stand, so that a key that is there twice can be told. */
export interface PythonDictionary {
  readonly kind: 'dictionary';
  readonly entries: readonly (readonly [key: string, value: PythonLiteral])[];
}

/** Where the text is no literal; `at` counts characters. */
export class LiteralError extends Error {
  override readonly name = 'LiteralError';
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/** Deeper than any dtype that is supported; a hostile text must not exhaust the stack. */
const MAX_DEPTH = 6;

/** Reads one literal, in linear time; nothing is evaluated. @throws LiteralError */
export function parsePythonLiteral(text: string): PythonLiteral {
  const reader = new Reader(text);
  const value = reader.value(0);
  if (!reader.isAtEnd()) throw reader.unexpected();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): PythonLiteral {
    if (depth > MAX_DEPTH) throw new LiteralError(this.#at, 'it is nested too deeply');
    const open = this.#peek();
    switch (open) {
      case '{':
        return this.#dictionary(depth);
      case '(':
        return this.#tuple(depth);
      case '[':
        return { kind: 'list', items: this.#items(']', depth).items };
      case "'":
      case '"':
        return this.#string();
      default: {
        const word = this.#take(/[A-Za-z0-9_]+/y);
        if (word === 'True' || word === 'False') return word === 'True';
        if (word !== undefined && /^\d+$/.test(word)) return BigInt(word);
        if (word !== undefined) this.#at -= word.length;
        throw this.unexpected();
      }
    }
  }

  isAtEnd(): boolean {
    return this.#peek() === undefined;
  }

  unexpected(): LiteralError {
    const rest = this.#text.slice(this.#at, this.#at + 32);
    return new LiteralError(this.#at, rest === '' ? 'it ends too early' : `unexpected text at ${JSON.stringify(rest)}`);
  }

  #dictionary(depth: number): PythonDictionary {
    const entries: (readonly [string, PythonLiteral])[] = [];
    this.#at += 1;
    while (this.#peek() !== '}') {
      const key = this.#string();
      this.#expect(':');
      entries.push([key, this.value(depth + 1)]);
      if (this.#peek() !== '}') this.#expect(',');
    }
    this.#at += 1;
    return { kind: 'dictionary', entries };
  }

  /** In Python (3) is the integer 3, and only (3,) is a tuple. */
  #tuple(depth: number): PythonLiteral {
    const { items, hasComma } = this.#items(')', depth);
    return items.length === 1 && !hasComma ? items[0]! : { kind: 'tuple', items };
  }

  #items(close: string, depth: number): { items: PythonLiteral[]; hasComma: boolean } {
    const items: PythonLiteral[] = [];
    let hasComma = false;
    this.#at += 1;
    while (this.#peek() !== close) {
      items.push(this.value(depth + 1));
      if (this.#peek() === close) break;
      this.#expect(',');
      hasComma = true;
    }
    this.#at += 1;
    return { items, hasComma };
  }

  /** Without escapes: NumPy's types have none, and names that need one are not supported. */
  #string(): string {
    if (this.#peek() === undefined) throw this.unexpected();
    const quoted = this.#take(/'[^'\\]*'|"[^"\\]*"/y);
    if (quoted === undefined) throw this.unexpected();
    return quoted.slice(1, -1);
  }

  #expect(token: string): void {
    if (this.#peek() !== token) throw this.unexpected();
    this.#at += 1;
  }

  #peek(): string | undefined {
    this.#take(/\s*/y);
    return this.#text[this.#at];
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}
