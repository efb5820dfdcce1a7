// @clickhouse/client against the warehouse: WEIR_PORT and WEIR_PASSWORD say where it is.

import assert from 'node:assert/strict'
import test from 'node:test'
import { createClient } from '@clickhouse/client'

const connect = (options = {}) =>
  createClient({
    url: `http://127.0.0.1:${process.env.WEIR_PORT}`,
    username: 'default',
    password: process.env.WEIR_PASSWORD,
    ...options,
  })

const rows = async (client, query, options = {}) =>
  (await client.query({ query, format: 'JSONEachRow', ...options })).json()

async function until(condition) {
  for (let i = 0; i < 600; ++i) {
    if (await condition()) return
    await new Promise((wake) => setTimeout(wake, 20))
  }
  assert.fail('it did not happen in time')
}

test('ping and query', async () => {
  const client = connect()
  assert.equal((await client.ping()).success, true)
  const result = await client.query({ query: 'SELECT number AS n FROM numbers(3)', format: 'JSON' })
  const document = await result.json()
  assert.deepEqual(document.data, [{ n: 0 }, { n: 1 }, { n: 2 }])
  assert.equal(document.rows, 3)
  assert.equal(result.response_headers['x-clickhouse-format'], 'JSON')
  await client.close()
})

test('JSON and CSV insert', async () => {
  const client = connect()
  await client.command({ query: 'CREATE OR REPLACE TABLE js (a Int32, b String) ENGINE = MergeTree ORDER BY a' })
  const values = [{ a: 1, b: 'x\n\ny' }, { a: 2, b: "it's ☃" }]
  const inserted = await client.insert({ table: 'js', values, format: 'JSONEachRow' })
  assert.equal(inserted.summary.written_rows, '2')
  await client.insert({ table: 'js', values: [[3, 'z']], format: 'JSONCompactEachRow', columns: ['a', 'b'] })
  assert.deepEqual(await rows(client, 'SELECT * FROM js ORDER BY a'), [...values, { a: 3, b: 'z' }])
  await client.close()
})

test('a streamed result', async () => {
  const client = connect()
  const result = await client.query({ query: 'SELECT number FROM numbers(500000)', format: 'JSONCompactEachRow' })
  let count = 0
  for await (const batch of result.stream()) count += batch.length
  assert.equal(count, 500000)
  await client.close()
})

test('parameters and settings', async () => {
  const client = connect({ clickhouse_settings: { max_block_size: '77' } })
  assert.deepEqual(
    await rows(client, "SELECT {a:Int32} + 1 AS a, {s:String} AS s, {l:Array(String)} AS l, getSetting('max_block_size') AS m", {
      query_params: { a: 41, s: "it's\ta\\b", l: ["q'", 'r'] },
    }),
    [{ a: 42, s: "it's\ta\\b", l: ["q'", 'r'], m: 77 }],
  )
  await client.close()
})

test('sessions', async () => {
  const client = connect({ session_id: 'node-session', max_open_connections: 1 })
  await client.command({ query: 'CREATE TEMPORARY TABLE mine (a Int32)' })
  await client.insert({ table: 'mine', values: [{ a: 5 }], format: 'JSONEachRow' })
  assert.deepEqual(await rows(client, 'SELECT a FROM mine'), [{ a: 5 }])
  await client.close()
})

test('compression both ways', async () => {
  const client = connect({ compression: { request: true, response: true } })
  await client.command({ query: 'CREATE OR REPLACE TABLE squeezed (a Int32, s String) ENGINE = Memory' })
  const values = Array.from({ length: 20000 }, (_, a) => ({ a, s: 'x'.repeat(40) }))
  await client.insert({ table: 'squeezed', values, format: 'JSONEachRow' })
  const back = await rows(client, 'SELECT a, s FROM squeezed ORDER BY a')
  assert.equal(back.length, 20000)
  assert.deepEqual(back[19999], values[19999])
  await client.close()
})

test('errors carry ClickHouse code and type', async () => {
  const client = connect()
  await assert.rejects(rows(client, 'SELECT * FROM nowhere'), { code: '60', type: 'UNKNOWN_TABLE' })
  await assert.rejects(client.command({ query: 'CREATE NONSENSE' }), { code: '62', type: 'SYNTAX_ERROR' })
  await assert.rejects(rows(connect({ password: 'wrong' }), 'SELECT 1'), { code: '516' })
  await client.close()
})

test('an aborted query stops in the engine', async () => {
  const client = connect()
  const controller = new AbortController()
  const running = rows(client, "SELECT sleepEachRow(1), 'node-abort' FROM numbers(100)", {
    abort_signal: controller.signal,
    clickhouse_settings: { max_block_size: '1' },
  })
  const processes = async () =>
    (await rows(client, "SELECT count() AS c FROM system.processes WHERE query LIKE '%node-' || 'abort%'"))[0].c
  await until(async () => (await processes()) === 1)
  controller.abort()
  await assert.rejects(running)
  await until(async () => (await processes()) === 0)
  await client.close()
})
