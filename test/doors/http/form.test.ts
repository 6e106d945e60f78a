import { HttpRequest } from '@azure/functions';
import { expect, test } from 'vitest';
import { chosenIn, readForm } from '../../../src/doors/http/review/form.ts';

const RUN = '20261124T110000Z-3f9a0c';
const HASH = 'a3f09bc4d17e55aa';

const post = (body: string, type = 'application/x-www-form-urlencoded') =>
  readForm(
    new HttpRequest({
      method: 'POST',
      url: 'https://func-retention.azurewebsites.net/api/review',
      headers: { 'content-type': type },
      body: { string: body },
    }),
  );
const form = (...fields: readonly (readonly [string, string])[]) =>
  post(new URLSearchParams(fields.map(([name, value]) => [name, value])).toString());
const approve = (...more: readonly (readonly [string, string])[]) =>
  form(['action', 'approve'], ['run', RUN], ['hash', HASH], ['csrf', 'x'], ...more);

test('a form says what is asked for', async () => {
  const asked = { action: 'approve', run: RUN, hash: HASH, csrf: 'x', comment: '', registry: '' };
  expect(await approve()).toEqual({ ...asked, repository: [] });
  expect(await approve(['part', 'all'], ['comment', ' looked at\r\nit '], ['registry', ' contoso '])).toEqual({
    ...asked, part: 'all', repository: [], comment: 'looked at\nit', registry: 'contoso',
  }); // prettier-ignore
  const repository = ['team/worker', 'app', 'app'];
  const some = repository.map((one) => ['repository', one] as const);
  expect(await approve(['part', 'selected'], ...some)).toEqual({ ...asked, part: 'selected', repository });
  expect(await form(['action', 'cancel'], ['run', RUN], ['comment', 'left out'])).toEqual({
    action: 'cancel', run: RUN, csrf: '',
  }); // prettier-ignore
  expect(await form(['action', 'reject'], ['run', RUN], ['hash', HASH], ['comment', 'too much'])).toMatchObject({
    comment: 'too much',
  });
});

test('more than was meant is never approved: the whole plan is asked for by name, and without ticks', async () => {
  const chosen = async (...more: readonly (readonly [string, string])[]) => {
    const form = await approve(...more);
    return form.action === 'approve' ? chosenIn(form) : [];
  };
  const ticked = ['team/worker', 'app', 'app'].map((one) => ['repository', one] as const);
  await expect(chosen()).rejects.toThrow('does not say what is approved');
  expect(await chosen(['part', 'all'])).toBeUndefined();
  expect(await chosen(...ticked)).toEqual(['team/worker', 'app']);
  expect(await chosen(['part', 'selected'], ...ticked)).toEqual(['team/worker', 'app']);
  await expect(chosen(['part', 'all'], ['repository', 'app'])).rejects.toThrow('ticked a repository');
  await expect(chosen(['part', 'selected'])).rejects.toThrow('ticked no repository');
  await expect(approve(['part', ''], ['repository', 'app'])).rejects.toThrow('field part is all, or selected');
  await expect(approve(['repository', ''])).rejects.toThrow('field repository.0 is a name');
});

test('what is no such form is refused, and says which field is wrong', async () => {
  for (const [fields, message] of [
    [[], 'The field action is one of approve, reject, cancel'],
    [[['action', 'purge']], 'The field action is one of approve, reject, cancel'],
    [[['action', 'cancel']], 'The field run is the id of a run'],
    [[['action', 'cancel'], ['run', '../x']], 'The field run is the id of a run'],
    [[['action', 'approve'], ['run', RUN]], 'The field hash is the hash'],
    [[['action', 'approve'], ['run', RUN], ['hash', HASH.slice(0, 7)]], 'The field hash is the hash'],
    [[['action', 'reject'], ['run', RUN], ['hash', HASH]], 'say why'],
    [[['action', 'reject'], ['run', RUN], ['hash', HASH], ['comment', '  ']], 'say why'],
    [[['action', 'cancel'], ['action', 'approve'], ['run', RUN]], 'The field action is given twice'],
  ] as const)
    await expect(form(...fields), JSON.stringify(fields)).rejects.toMatchObject({ status: 400, message: expect.stringContaining(message) as string }); // prettier-ignore
  await expect(approve(['comment', 'x'.repeat(1_001)])).rejects.toThrow('1000 characters long at most');
  const many = Array.from({ length: 1_001 }, (_, index) => ['repository', `app-${index}`] as const);
  await expect(approve(...many)).rejects.toThrow('given 1000 times at most');
  expect(await approve(...many.slice(1))).toMatchObject({ action: 'approve' });
});

test('a body of another kind, or any length, is refused', async () => {
  await expect(post('{}', 'application/json')).rejects.toMatchObject({ status: 415 });
  await expect(post('action=cancel', 'text/plain')).rejects.toMatchObject({ status: 415 });
  await expect(post(`action=cancel&run=${RUN}&x=${'x'.repeat(600_000)}`)).rejects.toMatchObject({ status: 413 });
});
