/** A promise whose followers run at once, as the extension has it. */
export class Work {
  settled = false;
  failed = false;
  readonly #followers: (() => void)[] = [];

  settle(failed = false): this {
    if (this.settled) return this;
    this.settled = true;
    this.failed = failed;
    for (const next of this.#followers.splice(0)) next();
    return this;
  }

  follow(next: () => void): void {
    if (this.settled) next();
    else this.#followers.push(next);
  }
}
