import type { Notification } from '../report/notification.ts';
import { plain } from './text.ts';

const LONGEST_HOST = 255;

/** CloudEvents 1.0, structured JSON. `source` and `id` together tell a repetition from another event. */
export function cloudEvent({ id, kind, at, registry, subject, title, sentences, link, data }: Notification): unknown {
  return {
    specversion: '1.0',
    id,
    source: `acr-retention/${encodeURIComponent(plain(registry ?? 'app', LONGEST_HOST))}`,
    type: `acr-retention.${kind}`,
    time: at,
    ...(subject !== undefined && { subject }),
    datacontenttype: 'application/json',
    data: { title, text: sentences.join(' '), ...(link && { url: link.url }), ...data },
  };
}

export const CLOUD_EVENT_TYPE = 'application/cloudevents+json; charset=utf-8';
