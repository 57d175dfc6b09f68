import { connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { ask } from '../../../events/ask.ts'
import { createFeed } from '../../../events/buffered-feed.ts'
import { createMetrics } from '../../../src/metrics/metrics.ts'
import type { Health } from '../../../src/watcher/readiness.ts'
import { openBusSocket } from '../../support/bus-socket.ts'
import { API, openRealRig, READY, type Rig } from './harness.ts'

/** The samples of a text by name and labels, as a scraper reads them. */
function samplesOf(text: string): Record<string, number> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map(line => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

async function scrape({ send }: Rig): Promise<Record<string, number>> {
  return samplesOf((await send('GET', '/metrics')).text)
}

const feed = () => createFeed({ epoch: 0, revision: 0n, namespaces: () => ({}) })

it('GET /metrics answers in the text format of Prometheus, every name with its sentence and type', async () => {
  const { send } = await openRealRig()
  const { status, headers, text } = await send('GET', '/metrics')
  expect(status).toBe(200)
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`)
  expect(names.sort()).toEqual([
    'kytos_settings_age_seconds gauge',
    'kytos_settings_bus_connections gauge',
    'kytos_settings_connections gauge',
    'kytos_settings_connections_limit gauge',
    'kytos_settings_connections_rejected_total counter',
    'kytos_settings_epoch gauge',
    'kytos_settings_facts_total counter',
    'kytos_settings_file_problems gauge',
    'kytos_settings_reconciles_total counter',
    'kytos_settings_repairs_total counter',
    'kytos_settings_resyncs_total counter',
    'kytos_settings_revision gauge',
    'kytos_settings_sse_readers gauge',
    'kytos_settings_state gauge',
  ])
  for (const [, help] of text.matchAll(/^# HELP \S+ (.*)$/gm))
    expect(help).toMatch(/^[A-Z0-9][^.]*(?:2\^53)?\.$/)
  expect([...text.matchAll(/^# HELP /gm)]).toHaveLength(names.length)
})

it('what is measured follows what happens', async () => {
  const rig = await openRealRig()
  const before = await scrape(rig)
  expect(before).toMatchObject({
    'kytos_settings_state{state="READY"}': 1,
    'kytos_settings_state{state="STALE"}': 0,
    'kytos_settings_state{state="OFFLINE"}': 0,
    kytos_settings_age_seconds: 0,
    kytos_settings_repairs_total: 0,
    'kytos_settings_facts_total{name="settings.changed"}': 0,
    'kytos_settings_facts_total{name="box.changed"}': 0,
    kytos_settings_sse_readers: 0,
    kytos_settings_bus_connections: 0,
  })
  for (const n of [1, 2]) await ask(rig.bus, 'kytos.settings.update', { namespace: 'kytos/a', data: { n } })
  const after = await scrape(rig)
  expect(after['kytos_settings_facts_total{name="settings.changed"}']).toBe(2)
  expect(after.kytos_settings_revision).toBeGreaterThan(before.kytos_settings_revision ?? Number.NaN)
})

it('readers of events are counted while they are connected', async () => {
  const rig = await openRealRig()
  const reader = connect(
    rig.http.port,
    '127.0.0.1',
    () => void reader.write(`GET ${API}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`),
  )
  onTestFinished(() => void reader.destroy())
  await new Promise(resolve => reader.once('data', resolve))
  expect((await scrape(rig)).kytos_settings_sse_readers).toBe(1)
  reader.destroy()
  await expect.poll(async () => (await scrape(rig)).kytos_settings_sse_readers).toBe(0)
})

it('connections to the bus are counted while they are open', async () => {
  const rig = await openRealRig()
  const line = await openBusSocket(rig.http.port)
  expect((await scrape(rig)).kytos_settings_bus_connections).toBe(1)
  line.socket.close()
  await expect.poll(async () => (await scrape(rig)).kytos_settings_bus_connections).toBe(0)
})

it('counters show what was counted, and nothing is taken for 0 that is not known', async () => {
  let health: Health = {
    ...READY,
    state: 'OFFLINE',
    age: null,
    revision: 0n,
    epoch: 0,
    resyncs: 0,
    reconciles: 0,
  }
  const metrics = createMetrics({ health: () => health, feed: feed(), fileProblems: () => [] })
  expect(samplesOf(await metrics.print())).toMatchObject({
    'kytos_settings_state{state="OFFLINE"}': 1,
    kytos_settings_age_seconds: Number.NaN,
  })
  for (const repairs of [3, 5]) {
    health = { ...READY, state: 'STALE', age: 61.5, repairs }
    expect(samplesOf(await metrics.print())).toMatchObject({
      'kytos_settings_state{state="STALE"}': 1,
      'kytos_settings_state{state="OFFLINE"}': 0,
      kytos_settings_age_seconds: 61.5,
      kytos_settings_revision: 7,
      kytos_settings_epoch: 1,
      kytos_settings_resyncs_total: 2,
      kytos_settings_repairs_total: repairs,
      kytos_settings_reconciles_total: 9,
    })
  }
})

it('two services in one process do not share what they count', async () => {
  const [one, other] = [await openRealRig(), await openRealRig()]
  await ask(one.bus, 'kytos.settings.update', { namespace: 'kytos/a', data: {} })
  expect((await scrape(one))['kytos_settings_facts_total{name="settings.changed"}']).toBe(1)
  expect((await scrape(other))['kytos_settings_facts_total{name="settings.changed"}']).toBe(0)
})
