import { spawn } from 'node:child_process';

/*
 * One compiler that answers one question after the other: started anew for each, it takes five times as long. It is
 * spoken to as `bicep jsonrpc` says: JSON-RPC 2.0, each message after its length. It ends with this process, or thread.
 */

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

export type Ask = (method: string, parameters: object) => Promise<unknown>;

const END_OF_HEAD = '\r\n\r\n';

export function startServer(compiler: string, env: NodeJS.ProcessEnv): Ask {
  const child = spawn(compiler, ['jsonrpc', '--stdio'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  // Nothing waits for it to end.
  child.unref();
  const waiting = new Map<number, (reply: Reply) => void>();
  let read = Buffer.alloc(0);
  child.stdout.on('data', (some: Buffer) => {
    read = Buffer.concat([read, some]);
    for (;;) {
      const head = read.indexOf(END_OF_HEAD);
      if (head === -1) return;
      const from = head + END_OF_HEAD.length;
      const to = from + Number(/Content-Length: (\d+)/i.exec(read.subarray(0, head).toString())?.[1]);
      if (read.length < to) return;
      const reply = JSON.parse(read.subarray(from, to).toString()) as Reply;
      read = read.subarray(to);
      waiting.get(reply.id)?.(reply);
      waiting.delete(reply.id);
    }
  });
  const fail = (message: string): void => {
    for (const [id, reply] of waiting) reply({ id, error: { message } });
    waiting.clear();
  };
  child.once('error', ({ message }) => fail(message));
  child.once('exit', () => fail('the compiler has ended'));
  child.stdin.on('error', ({ message }) => fail(message));

  let ids = 0;
  return async (method, parameters) => {
    const id = ++ids;
    const text = JSON.stringify({ jsonrpc: '2.0', id, method, params: [parameters] });
    const reply = await new Promise<Reply>((resolve) => {
      waiting.set(id, resolve);
      child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}${END_OF_HEAD}${text}`);
    });
    if (reply.error) throw new Error(reply.error.message);
    return reply.result;
  };
}
