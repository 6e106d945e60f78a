/** A fault that is put into the product, to see that the simulator finds it. */
export interface Mutant {
  /** For the command line: `SIMULATION_MUTANT=<name>`. */
  readonly name: string;
  /** From the root of the repository. */
  readonly file: string;
  /** A text that stands in the file once. */
  readonly from: string;
  readonly to: string;
  /** What is wrong with it, in a sentence. */
  readonly says: string;
}
