/** Gives each distinct string a small number, so that a column holds numbers. Numbers are never reused. */
export class Interner {
  readonly #ids = new Map<string, number>();
  readonly #names: string[] = [];

  get size(): number {
    return this.#names.length;
  }
  idOf(name: string): number {
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = this.#names.push(name) - 1;
      this.#ids.set(name, id);
    }
    return id;
  }
  nameOf(id: number): string {
    return this.#names[id]!;
  }
  /** One byte per known string, 1 where it is among `names`: membership of a row is one array read. */
  membership(names: readonly string[]): Uint8Array {
    const bytes = new Uint8Array(this.#names.length);
    for (const name of names) {
      const id = this.#ids.get(name);
      if (id !== undefined) bytes[id] = 1;
    }
    return bytes;
  }
}
