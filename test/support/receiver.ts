import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Ajv, type ValidateFunction } from 'ajv';
import draft06 from 'ajv/dist/refs/json-schema-draft-06.json' with { type: 'json' };
import addFormats from 'ajv-formats';
import type { Certificate } from '../../src/dev/emulator/certificate.ts';
import type { Receiver, ReceiverKind } from '../../src/policy/notify.ts';

/* A receiver of messages on this machine. It answers as a test says, and refuses what the published schemas refuse. */

const ajv = new Ajv({ strict: false, allErrors: true });
(addFormats as unknown as (ajv: Ajv) => void)(ajv);
ajv.addMetaSchema(draft06);

function schemaIn(name: string): ValidateFunction {
  const text = readFileSync(new URL(`../notify/schemas/${name}`, import.meta.url), 'utf8');
  const { id, ...schema } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  // Draft 6 calls it $id; the published file has the older name, which no validator of draft 6 knows.
  return ajv.compile(id === undefined ? schema : { $id: id, ...schema });
}

const isCard = schemaIn('adaptive-card-1.4.json');
const isCloudEvent = schemaIn('cloudevents-1.0.json');

/** What is wrong with a message, by what is published of its form. */
export function wrongWith(kind: ReceiverKind, message: unknown): readonly string[] {
  switch (kind) {
    case 'teams':
      return wrongWithTeams(message);
    case 'slack':
      return wrongWithSlack(message);
    case 'cloudevents':
      return errorsOf(isCloudEvent, message);
  }
}

function errorsOf(validate: ValidateFunction, value: unknown): readonly string[] {
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message = '' }) => `${instancePath} ${message}`);
}

const TEAMS_BYTES = 28 * 1024;

function wrongWithTeams(message: unknown): readonly string[] {
  const { type, attachments } = message as {
    readonly type: unknown;
    readonly attachments: readonly { readonly contentType: unknown; readonly content: { readonly version: unknown } }[];
  };
  const wrong: string[] = [];
  if (type !== 'message' || attachments.length !== 1) wrong.push('is no message with one attachment');
  if (Buffer.byteLength(JSON.stringify(message)) > TEAMS_BYTES) wrong.push('has more than 28 KB');
  for (const { contentType, content } of attachments) {
    if (contentType !== 'application/vnd.microsoft.card.adaptive') wrong.push('is no adaptive card');
    if (content.version !== '1.4') wrong.push('is not of version 1.4');
    wrong.push(...errorsOf(isCard, content));
  }
  return wrong;
}

interface SlackText {
  readonly type: 'plain_text' | 'mrkdwn';
  readonly text: string;
}

interface SlackBlock {
  readonly type: string;
  readonly text?: SlackText;
  readonly fields?: readonly SlackText[];
}

/** The limits of https://docs.slack.dev/reference/block-kit/blocks: Slack publishes no schema. */
function wrongWithSlack(message: unknown): readonly string[] {
  const { text, blocks } = message as { readonly text: string; readonly blocks: readonly SlackBlock[] };
  const wrong: string[] = [];
  const check = (right: boolean, what: string): void => {
    if (!right) wrong.push(what);
  };
  const fits = (one: SlackText | undefined, most: number, what: string): void =>
    check(
      one !== undefined && one.text.length >= 1 && one.text.length <= most,
      `${what} is not of 1 to ${most} letters`,
    );
  check(text.length >= 1 && text.length <= 40_000, 'the text is not of 1 to 40,000 letters');
  check(blocks.length >= 1 && blocks.length <= 50, 'there are not 1 to 50 blocks');
  for (const block of blocks) {
    if (block.type === 'header') {
      fits(block.text, 150, 'a header');
      check(block.text?.type === 'plain_text', 'a header is no plain_text');
    } else if (block.type === 'section') {
      check(block.text !== undefined || block.fields !== undefined, 'a section has neither text nor fields');
      if (block.text) fits(block.text, 3000, 'a section');
      check((block.fields?.length ?? 1) >= 1 && (block.fields?.length ?? 1) <= 10, 'there are not 1 to 10 fields');
      for (const field of block.fields ?? []) fits(field, 2000, 'a field');
    } else wrong.push(`the block ${block.type} is not known`);
  }
  return wrong;
}

interface Received {
  readonly path: string;
  readonly contentType: string | undefined;
  readonly message: unknown;
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export interface StandIn {
  /** What came, in the order in which it did, whether it was taken or not. */
  readonly received: Received[];
  /** What was wrong with any of it. */
  readonly wrong: string[];
  /** How the next requests are answered, one after the other; after these all are taken. */
  readonly answers: Answer[];
  readonly port: number;
  readonly receiver: (kind: ReceiverKind, place?: number) => Receiver;
  readonly close: () => Promise<void>;
}

export const answering =
  (status: number, headers: Readonly<Record<string, string>> = {}, body = ''): Answer =>
  (response) =>
    void response.writeHead(status, headers).end(body);

/** Never answers. */
export const hanging: Answer = () => undefined;

/** The secret part of each address: no output may have it. */
export const SECRET = 'T0123456789-hook-secret-abcdefghij';

/** @param on a port that is free; absent: any. @param tls absent: in the clear */
export async function startReceiver(on = 0, tls?: Certificate): Promise<StandIn> {
  const received: Received[] = [];
  const wrong: string[] = [];
  const answers: Answer[] = [];
  const listener: RequestListener = (request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (piece: string) => (text += piece));
    request.on('end', () => {
      const { url: path = '', headers } = request;
      const message: unknown = text === '' ? undefined : JSON.parse(text);
      received.push({ path, contentType: headers['content-type'], message });
      const [, kind] = path.split('/');
      if (message !== undefined) wrong.push(...wrongWith(kind as ReceiverKind, message));
      const answer = answers.shift() ?? answering(kind === 'teams' ? 202 : 200, {}, 'ok');
      answer(response, request);
    });
  };
  const server = tls ? createSecureServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(on, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    received,
    wrong,
    answers,
    port,
    receiver: (kind, place = 1) => ({
      kind,
      place,
      address: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/${kind}/${SECRET}`,
    }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
