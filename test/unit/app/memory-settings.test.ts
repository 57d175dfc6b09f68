import { describe, expect, it, onTestFinished } from 'vitest'
import { openMemorySettings } from '../../../src/app/memory-settings.ts'
import type { JsonSchema } from '../../../src/client/json-schema.ts'
import { keepLog } from '../../support/controller.ts'

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    polling_time: { type: 'number', minimum: 0.1, default: 3, 'x-apply': 'live' },
    vlans: { type: 'array', items: { type: 'integer' }, default: [], 'x-apply': 'live' },
    liveness: {
      type: 'object',
      properties: { hellos: { type: 'integer', default: 2 }, dead: { type: 'integer', default: 5 } },
      default: {},
    },
    cookie: { type: 'integer', maximum: 18446744073709551615n, default: 12321848580485677056n },
    address: { type: 'string' },
  },
} as const satisfies JsonSchema

async function open(overrides: Parameters<typeof openMemorySettings<typeof SCHEMA>>[1] = {}) {
  const log = keepLog()
  const settings = await openMemorySettings(SCHEMA, overrides, { log })
  onTestFinished(() => settings.close())
  return { settings, log }
}

describe('settings in memory', () => {
  it('begin with the defaults under the overrides, exact and frozen throughout', async () => {
    const { settings } = await open({ polling_time: 0.5, liveness: { dead: 7 } })
    expect(settings.values).toEqual({
      polling_time: 0.5,
      vlans: [],
      liveness: { hellos: 2, dead: 7 },
      cookie: 12321848580485677056n,
    })
    expect(settings).toMatchObject({ namespace: 'test/napp', state: 'READY' })
    for (const part of [settings.values, settings.values.vlans, settings.values.liveness])
      expect(Object.isFrozen(part)).toBe(true)
    expect(Object.getOwnPropertyDescriptor(settings, 'values')).toHaveProperty('value')
  })

  it('have what update() wrote, and told it, by the time it answers', async () => {
    const { settings } = await open()
    const before = settings.values
    const told: unknown[] = []
    settings.on('polling_time', (now, was) => void told.push(['key', was, now, settings.values.polling_time]))
    settings.on('/liveness/hellos', (now, was) => void told.push(['pointer', was, now]))
    settings.on('vlans', () => void told.push('vlans'))
    settings.onChange(
      (now, was, changes) => void told.push([was === before, now === settings.values, changes]),
    )
    const answer = await settings.update({ polling_time: 1, liveness: { hellos: 3 } }, { comment: 'try' })
    expect(answer).toMatchObject({
      data: { polling_time: 1 },
      overrides: { polling_time: 1, liveness: { hellos: 3 } },
    })
    expect(answer).not.toHaveProperty('observed')
    expect(settings.revision).toBe(answer.revision)
    expect(told).toEqual([
      ['key', 3, 1, 1],
      ['pointer', 2, 3],
      [
        true,
        true,
        [
          { path: '/polling_time', old: 3, new: 1, apply: 'live' },
          { path: '/liveness/hellos', old: 2, new: 3, apply: 'restart' },
        ],
      ],
    ])
    expect(before.polling_time).toBe(3)
  })

  it('lose an override that is set to null, and tell nobody of a change that changes nothing', async () => {
    const { settings } = await open({ polling_time: 1, address: 'here' })
    const told: unknown[] = []
    settings.on('address', (now, was) => void told.push([was, now]))
    const before = settings.values
    await settings.update({ polling_time: 1 })
    expect(settings.values).toBe(before)
    await settings.update({ polling_time: null, address: null })
    expect(settings.values).toMatchObject({ polling_time: 3 })
    expect(settings.values).not.toHaveProperty('address')
    expect(told).toEqual([['here', undefined]])
  })

  it('refuse what the schema refuses, and an update from an older revision', async () => {
    const { settings } = await open()
    await expect(settings.update({ polling_time: 0 })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
    const { revision } = settings
    await settings.update({ polling_time: 1 }, { revision })
    await expect(settings.update({ polling_time: 2 }, { revision })).rejects.toMatchObject({
      code: 'REVISION_MISMATCH',
    })
    await settings.update({ polling_time: 2 }, { revision: settings.revision })
    expect(settings.values.polling_time).toBe(2)
    await expect(openMemorySettings(SCHEMA, { polling_time: 0 })).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    })
  })

  it("take a change in this controller's scope, by which the revision can be guarded again", async () => {
    const { settings } = await open()
    await settings.update({ polling_time: 9 }, { scope: 'controller' })
    expect(settings.values.polling_time).toBe(9)
    await settings.update({ polling_time: 1 }, { scope: 'controller:another' })
    await settings.update({ polling_time: 8 }, { scope: 'controller', revision: settings.revision })
    expect(settings.values.polling_time).toBe(8)
  })

  it('are the same that a NApp opens by their context', async () => {
    const { settings } = await open({ polling_time: 1 })
    const own = await settings.context.openSettings(SCHEMA)
    expect(own.values).toEqual(settings.values)
    const heard = new Promise(resolve => own.on('polling_time', resolve))
    await settings.update({ polling_time: 2 })
    expect(await heard).toBe(2)
    own.close()
    await settings.update({ polling_time: 3 })
    expect(own.values.polling_time).toBe(2)
  })

  it('go on with the other listeners when one throws or rejects, and log it', async () => {
    const { settings, log } = await open()
    const told: unknown[] = []
    settings.on('polling_time', () => {
      throw new Error('no luck')
    })
    settings.on('polling_time', async () => {
      throw new Error('later')
    })
    settings.on('polling_time', now => void told.push(now))
    await settings.update({ polling_time: 1 })
    await settings.update({ polling_time: 2 })
    expect(told).toEqual([1, 2])
    expect(log.lines.filter(line => line.startsWith('error')).map(line => line.replace(/.*: /, ''))).toEqual([
      'no luck',
      'later',
      'no luck',
      'later',
    ])
    expect(log.lines.join('\n')).toContain('A listener of settings at /polling_time failed')
  })

  it('may be updated from within a listener', async () => {
    const { settings } = await open()
    const done = new Promise<void>((resolve, reject) => {
      settings.on('polling_time', async now => {
        if (now < 8) await settings.update({ polling_time: now * 2 }).catch(reject)
        else resolve()
      })
    })
    await settings.update({ polling_time: 1 })
    await done
    expect(settings.values.polling_time).toBe(8)
  })

  it('call nobody who has unsubscribed, even by a listener before in the same change, and nobody after close()', async () => {
    const { settings } = await open()
    const told: string[] = []
    settings.on('polling_time', () => {
      told.push('first')
      leave()
    })
    const leave = settings.on('polling_time', () => void told.push('left'))
    settings.on('polling_time', () => void told.push('last'))
    await settings.update({ polling_time: 1 })
    expect(told).toEqual(['first', 'last'])
    await settings.close()
    await settings.close()
    expect(told).toEqual(['first', 'last'])
    await expect(settings.update({ polling_time: 2 })).rejects.toMatchObject({ name: 'SettingsError' })
  })
})
