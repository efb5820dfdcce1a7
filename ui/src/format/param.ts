// Parameters of a run between a form's text and the API's JSON.
import type { Json } from '../api/types';

export function showParam(value: Json | undefined): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

// A text that does not fit the type is passed on as it is: the server says what is wrong with it, better than a form can.
export function readParam(text: string, type: string): Json {
  if (/^(flag|bool)/.test(type)) return text === 'true' ? true : text === 'false' ? false : text;
  if (/^(int|float|num|double|decimal)/.test(type) && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim())) {
    const value = Number(text);
    return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)) ? value : text;
  }
  if (/^(list|array|map|object|json)/.test(type)) {
    try {
      return JSON.parse(text) as Json;
    } catch {
      return text;
    }
  }
  return text;
}
