import { shownSources } from './in-use.ts';
import { shown } from './purge-command.ts';
import { CLIENT_ID, type Setting } from './settings-schema.ts';

/** A setting as it may be shown again: without what may be a secret. */
export function shownSetting(name: Setting, text: string): string {
  if (name === 'ACR_PASSWORD' || (name === 'RETENTION_STORAGE' && text.includes('='))) return '(set)';
  if (name === 'AZURE_CLIENT_ID' && !CLIENT_ID.test(text)) return '(not shown: it is no client id)';
  if (name === 'IN_USE') return shownSources(text);
  if (name === 'RETENTION_POLICY' || name === 'NOTIFY') return '(set)';
  if (text.includes('@') && name !== 'PURGE_COMMAND') return '(not shown: it may hold a secret)';
  // The task file's may be the YAML itself, by mistake.
  return name === 'PURGE_COMMAND' || name === 'ACR_TASK_FILE' ? shown(text) : text;
}
