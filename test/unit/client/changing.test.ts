import { describe, expect, it, onTestFinished } from 'vitest'
import { openMemorySettings } from '../../../src/app/memory-settings.ts'

const SCHEMA = {
  type: 'object',
  properties: {
    interval: { type: 'integer', minimum: 1, maximum: 100, default: 5, 'x-apply': 'live' },
    targets: { type: 'array', items: { type: 'string' }, default: [], 'x-apply': 'restart' },
  },
} as const

async function open() {
  const settings = await openMemorySettings(SCHEMA)
  onTestFinished(() => settings.close())
  return settings
}

describe('a changing hook of a NApp', () => {
  it('sees typed values, next and now, and refuses with a reason, until it is ended', async () => {
    const settings = await open()
    const asked: unknown[] = []
    const end = settings.changing((next, now, { changes, actor, comment, dryRun }) => {
      asked.push([next.interval, now.interval, changes.length, actor.name, comment, dryRun])
      return next.interval < now.interval && now.targets.length === 0 ? 'nobody to poll faster' : undefined
    })
    await expect(settings.update({ interval: 2 }, { comment: 'faster' })).rejects.toMatchObject({
      code: 'CHANGE_VETOED',
      details: { refusals: [{ napp: 'test/napp', reason: 'nobody to poll faster' }] },
    })
    expect(settings.values.interval).toBe(5)
    await settings.update({ interval: 2, targets: ['s1'] }, { dryRun: true })
    expect(asked).toEqual([
      [2, 5, 1, 'test/napp', 'faster', false],
      [2, 5, 2, 'test/napp', null, true],
    ])
    end()
    await settings.update({ interval: 2 })
    expect(settings.values.interval).toBe(2)
  })

  it('is removed with the settings, and has no effect after them', async () => {
    const settings = await open()
    const end = settings.changing(() => 'no')
    const { context } = settings
    const own = await context.openSettings(SCHEMA)
    own.changing(() => 'neither')
    own.close()
    own.changing(() => 'nor this')
    await expect(settings.update({ interval: 6 })).rejects.toMatchObject({
      message: expect.stringContaining(': no.'),
    })
    end()
    await settings.update({ interval: 6 })
  })
})

describe('a dry run of a NApp', () => {
  it('returns the resulting settings and changes nothing', async () => {
    const settings = await open()
    const { revision } = settings
    const { data, preview } = await settings.update({ targets: ['s1'] }, { dryRun: true })
    expect(data).toMatchObject({ targets: ['s1'] })
    expect(preview).toMatchObject({
      changes: [{ path: '/targets', apply: 'restart' }],
      consumers: [{ napp: 'test/napp', apply: 'restart', verdict: 'accepted' }],
    })
    expect([settings.values.targets, settings.revision]).toEqual([[], revision])
  })
})

describe('a transaction of a NApp', () => {
  it('changes its own settings and those of others at once, and values have it when it answers', async () => {
    const settings = await open()
    const seen: unknown[] = []
    settings.onChange((now, before) => void seen.push([before.interval, now.interval, now.targets]))
    const { settings: changed } = await settings.transaction(
      [
        { data: { interval: 7 } },
        { namespace: undefined, data: { targets: ['s1'] }, scope: 'controller' },
        { namespace: 'kytos/other', method: 'PUT', data: { n: 1 } },
      ],
      { comment: 'all' },
    )
    expect(settings.values).toEqual({ interval: 7, targets: ['s1'] })
    expect(seen).toEqual([[5, 7, ['s1']]])
    expect(changed.map(({ namespace, scope }) => [namespace, scope])).toEqual([
      ['test/napp', 'cluster'],
      ['test/napp', 'controller:memory'],
      ['kytos/other', 'cluster'],
    ])
    expect(settings.revision).toBe(changed[0]?.revision)
    await expect(
      settings.transaction([{ data: { interval: 8 } }, { namespace: 'kytos/gone', method: 'DELETE' }]),
    ).rejects.toMatchObject({
      code: 'NAMESPACE_NOT_FOUND',
    })
    expect(settings.values.interval).toBe(7)
    expect(
      (await settings.transaction([{ data: { interval: 9 } }], { dryRun: true })).settings,
    ).toMatchObject([{ data: { interval: 9 } }])
    expect(settings.values.interval).toBe(7)
  })
})
