import { expect, test } from 'vitest';
import type { Setting } from '../api/types';
import { lineOf, settingsOf, variableOf } from './connection';

const setting = (name: string, type: string, secret = false): Setting => ({
  name,
  type,
  doc: '',
  required: false,
  secret,
  default: null,
  choices: [],
  fields: [],
});
const settings = [
  setting('host', 'text'),
  setting('port', 'integer'),
  setting('password', 'text', true),
  setting('tls', 'flag'),
  setting('headers', 'map'),
];

test('what was typed becomes values of the settings’ types', () => {
  const typed = { host: ' db.example.org ', port: '5432', password: '', tls: 'true', headers: '{"a": "b"}' };
  expect(settingsOf(settings, typed)).toEqual({ host: 'db.example.org', port: 5432, tls: true, headers: { a: 'b' } });
  expect(() => settingsOf(settings, { headers: '{a' })).toThrow(/headers is no JSON/);
});

test('a line of weir.yml has no secret in it', () => {
  expect(lineOf('my-crm', 'postgres', settings, { host: 'db.example.org', port: '5432', password: 'hunter2' })).toBe(
    '  my-crm: {type: postgres, host: db.example.org, port: 5432, password: "{{ env.MY_CRM_PASSWORD }}"}',
  );
  expect(variableOf('crm', 'url')).toBe('CRM_URL');
});

test('texts that YAML would take for something else are quoted', () => {
  expect(lineOf('a', 'x', settings, { host: 'yes' })).toBe('  a: {type: x, host: "yes"}');
  expect(lineOf('a', 'x', settings, { host: 'http://a:1' })).toBe('  a: {type: x, host: "http://a:1"}');
  expect(lineOf('a', 'x', settings, { host: '12' })).toBe('  a: {type: x, host: "12"}');
});
