// A connection as weir.yml takes it, and as the server tries it.
import type { Json, Setting } from '../api/types';
import { readParam } from './param';

export type Typed = Record<string, string>; // what was typed, by the setting's name

const plain = /^[A-Za-z_/][\w./@-]*$/;
const words = /^(true|false|null|yes|no|on|off)$/i;

// YAML's double-quoted style is JSON's text.
function scalar(value: Json): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return plain.test(value) && !words.test(value) ? value : JSON.stringify(value);
}

// The setting's value, or nothing when none was typed. Throws for JSON that is none.
function valueOf(setting: Setting, typed: Typed): Json | undefined {
  const text = typed[setting.name]?.trim() ?? '';
  if (text === '') return undefined;
  if (setting.type === 'flag') return text === 'true';
  if (setting.type === 'integer' || setting.type === 'number') return readParam(text, setting.type);
  if (['list', 'map', 'group', 'any'].includes(setting.type)) {
    try {
      return JSON.parse(text) as Json;
    } catch {
      throw new Error(`${setting.name} is no JSON: ${text}`);
    }
  }
  return text;
}

export function settingsOf(settings: Setting[], typed: Typed): { [name: string]: Json } {
  const values: { [name: string]: Json } = {};
  for (const setting of settings) {
    const value = valueOf(setting, typed);
    if (value !== undefined) values[setting.name] = value;
  }
  return values;
}

// The variable of the environment that holds a secret: crm, password → CRM_PASSWORD.
export const variableOf = (connection: string, setting: string) =>
  `${connection}_${setting}`.toUpperCase().replace(/[^A-Z0-9]+/g, '_');

// The line below `connections:`. Secrets stay out of it: git keeps the file.
export function lineOf(name: string, type: string, settings: Setting[], typed: Typed): string {
  const parts = [`type: ${scalar(type)}`];
  for (const [key, value] of Object.entries(settingsOf(settings, typed))) {
    const isSecret = settings.find((each) => each.name === key)?.secret;
    parts.push(`${key}: ${isSecret ? `"{{ env.${variableOf(name, key)} }}"` : scalar(value)}`);
  }
  return `  ${name}: {${parts.join(', ')}}`;
}
