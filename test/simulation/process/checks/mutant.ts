import { loadProduct, mutate, type Mutation } from '../hooks.ts';

/*
 * Run by `hooks.test.ts`: loads the product with a mutant, and prints the place that the example changes as it was loaded.
 */

const [given] = process.argv.slice(2);
if (given !== undefined) mutate(JSON.parse(given) as Mutation);
await loadProduct();
const { folderStore } = await import('../../../../src/ledger/store/folder.ts');
process.stdout.write(/size (?:<|!==) length/.exec(folderStore.toString())?.[0] ?? '');
