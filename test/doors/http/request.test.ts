import { ReadableStream } from 'node:stream/web';
import type { HttpRequest } from '@azure/functions';
import { expect, test } from 'vitest';
import { readRequested } from '../../../src/doors/http/request.ts';

const CHUNKS = 300;

test('a body that is too large is taken to its end all the same, while it is refused', async () => {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === CHUNKS) controller.close();
      else controller.enqueue(Buffer.alloc(64 * 1024, 'z'));
      sent += 1;
    },
  });
  // Not over a socket: Node's own client stops sending when it is answered. The Functions host does not: it forwards the
  // body to its end, and takes a request that it cannot for failed.
  const request = { query: new URLSearchParams(), headers: new Headers(), body } as unknown as HttpRequest;
  await expect(readRequested(request)).rejects.toThrow('64 KiB');
  expect(sent).toBeLessThan(CHUNKS);
  while (sent <= CHUNKS) await new Promise((resolve) => setTimeout(resolve));
});

const asked = (body: string | undefined, query: Readonly<Record<string, string>>, type: string, method = 'POST') =>
  readRequested({
    method,
    query: new URLSearchParams(query),
    headers: new Headers({ 'content-type': type }),
    body: body === undefined ? null : new Response(body).body,
  } as unknown as HttpRequest);

const POLICY = "version: 1\nrules:\n  - name: pull requests\n    tags: ['pr-*']\n    olderThan: 14d\n";

test.each(['application/yaml', 'text/yaml; charset=utf-8', 'Application/X-YAML'])(
  'a policy file as %s, and the rest of the flags as parameters',
  async (type) => {
    const query = { registry: 'contoso', 'include-locked': '', 'max-deletions': '7', code: 'key', concurrency: '3' };
    const { commands = [], guards } = await asked(POLICY, query, type);
    expect(guards).toEqual({ maxDeletions: 7 });
    const [{ registry, policy } = {}, ...others] = commands;
    expect([others, registry, policy?.includeLocked, policy?.concurrency]).toEqual([[], 'contoso', true, 3]);
    expect(policy?.retention?.text).toBe(POLICY);
    expect(policy?.text).toContain('--policy request.yaml');
    expect(policy?.filterTimeoutSeconds).toBe(5);
  },
);

test('beside a policy file: what stands in it is no parameter, and mistakes in the two are named together', async () => {
  await expect(asked(POLICY, { filter: 'app:^dev-' }, 'application/yaml')).rejects.toThrow(
    '--filter: cannot stand beside --policy; write it into the policy file',
  );
  const failed = asked('version: 2\n', { keep: '3', 'max-deletions': '-1', policy: 'x.yaml' }, 'application/yaml');
  await expect(failed).rejects.toThrow(
    /request\.yaml:1:10: [\s\S]*policy: there is no such field[\s\S]*--max-deletions "-1"/,
  );
});

test('an empty policy file is a mistake, and never the configured purge; one of up to 256 KiB is read', async () => {
  await expect(asked('', {}, 'application/yaml')).rejects.toThrow('request.yaml:1:1');
  await expect(asked(undefined, {}, 'application/yaml')).rejects.toThrow('request.yaml:1:1');
  expect(await asked(undefined, {}, 'application/yaml', 'GET')).toEqual({ guards: {} });
  const long = POLICY + '#'.repeat(256 * 1024 - POLICY.length);
  expect((await asked(long, {}, 'application/yaml')).commands).toHaveLength(1);
  await expect(asked(`${long}#`, {}, 'application/yaml')).rejects.toThrow('256 KiB');
  await expect(asked(long, {}, 'text/plain')).rejects.toThrow('64 KiB');
});

test('every mistake of a request is named, in its guards and in its flags; of the fields that there are, those that it may say', async () => {
  const query = new URLSearchParams({ 'max-deletions': '-1', ago: '30', filtr: 'a:b' });
  const read = readRequested({ query, headers: new Headers(), body: null } as unknown as HttpRequest);
  const { problems } = await read.then(
    () => ({ problems: [] }),
    (error: unknown) => error as { problems: readonly Error[] },
  );
  const said = problems.map(({ message }) => message).join('\n');
  expect(said).toMatch(/filtr[\s\S]*--max-deletions "-1"/);
  expect(said).toContain('keepLastTag');
  expect(said).not.toContain('password');
});
