import { afterEach, describe, expect, it } from 'vitest'
import type { Batch } from '../../../backends/backend.ts'
import { historyKey, type Key, makeKey } from '../../../model/key.ts'
import { META_KEY } from '../../../src/watcher/epoch.ts'
import { resumePointOf } from '../../../src/watcher/resume-point.ts'
import { MAX_STEPS } from '../../../src/watcher/trail.ts'
import {
  type Change,
  HURRIED,
  heard,
  isState,
  type Player,
  type PlayerOptions,
  startPlayer,
} from './ensemble.ts'
import { World } from './world.ts'

const SETTINGS = makeKey('settings', 'kytos', 'a')
const BOX = makeKey('boxes', 'net', '1')
const RECORD = historyKey(SETTINGS, 1)
/** Texts that one commit has and no other. */
const OF_BOX = '{"data":1,"written":{"write_id":"b"}}'
const OF_RECORD = '{"version":1,"write_id":"r"}'

const batch = (revision: bigint, ...changes: (readonly [Key, string | undefined])[]): Batch => ({
  revision,
  changes: changes.map(([key, text]) =>
    text === undefined
      ? { type: 'delete', key, revision }
      : { type: 'put', entry: { key, text, modRevision: revision, createRevision: revision } },
  ),
})
/** Long enough for a machine that is busy. */
const POLL = { timeout: 20_000 }
const progress = (revision: bigint): Batch => ({ revision, changes: [] })

describe('the resume point of a batch', () => {
  it('has as its witness what no other commit can contain: a record before a box before overrides', () => {
    const named = resumePointOf(batch(7n, [BOX, OF_BOX], [RECORD, OF_RECORD], [SETTINGS, '{}']))
    expect([named?.witness?.key, named?.isUnique]).toEqual([RECORD, true])
    const box = resumePointOf(batch(7n, [BOX, OF_BOX], [SETTINGS, '{}']))
    expect([box?.witness?.key, box?.isUnique]).toEqual([BOX, true])
    expect(resumePointOf(batch(7n, [BOX, 'by hand'], [SETTINGS, OF_RECORD]))?.isUnique).toBe(false)
  })

  it('is all that was put, and nothing where only something was deleted; progress is none', () => {
    const long = 'x'.repeat(999)
    expect([...(resumePointOf(batch(7n, [BOX, undefined], [SETTINGS, '{}'])) ?? expect.fail()).puts]).toEqual(
      [[SETTINGS, '{}']],
    )
    expect(
      [...(resumePointOf(batch(7n, [BOX, long])) ?? expect.fail()).puts.values()].join('').length,
    ).toBeLessThan(50)
    expect(resumePointOf(batch(7n, [BOX, undefined]))?.puts.size).toBe(0)
    expect(resumePointOf(progress(7n))).toBeUndefined()
  })
})

describe('a watcher', () => {
  const players: Player[] = []
  afterEach(async () => {
    await Promise.all(players.splice(0).map(player => player.close()))
  })
  const start = async (world: World, options: PlayerOptions = {}) => {
    const player = await startPlayer(world, 'one', options)
    players.push(player)
    return player
  }
  const put = (key: Key, text: string) => ({ key, put: text })
  const boxes = (changes: readonly Change[]) =>
    changes.flatMap(change =>
      'box_id' in change ? [`${change.box_id} ${change.kind} ${change.origin}`] : [],
    )
  /** Cuts the line and waits until the watcher is READY again. */
  async function reconnect(player: Player): Promise<void> {
    const from = player.said.length
    player.line.cut()
    await heard(player, event => isState('READY')(event) && player.said.indexOf(event) >= from)
  }

  it('loses no event of a server whose progress runs ahead of them', async () => {
    const world = new World()
    const one = await start(world)
    one.line.down = true
    one.line.cut()
    await heard(one, isState('STALE'))
    for (const box of ['1', '2', '3']) world.commit(put(makeKey('boxes', 'net', box), `{"data":${box}}`))
    one.line.early = 4
    one.line.down = false
    await heard(one, ({ content }) => (content as { box_id?: string }).box_id === '3')
    expect(boxes(one.changes)).toEqual(['1 created live', '2 created live', '3 created live'])
  })

  it('takes a store that was put back and overtook the old revision for what it is', async () => {
    const world = new World()
    const one = await start(world)
    world.commit(put(BOX, '{"data":"old"}'))
    world.commit(put(makeKey('boxes', 'net', 'gone'), '{"data":"old"}'))
    await heard(one, ({ content }) => (content as { box_id?: string }).box_id === 'gone')
    const before = one.service.health()
    const meanwhile = ['1', 'x', 'y', 'z'].map(box => [put(makeKey('boxes', 'net', box), '{"data":"new"}')])
    world.rewind(2, meanwhile)
    await heard(one, ({ content }) => (content as { box_id?: string }).box_id === 'z')
    expect(world.revision).toBeGreaterThan(before.revision)
    expect(one.service.health().epoch).toBeGreaterThan(before.epoch)
    expect(boxes(one.changes).slice(2)).toEqual([
      '1 updated resync',
      'gone deleted resync',
      'x created resync',
      'y created resync',
      'z created resync',
    ])
  })

  it('notices a store that was put back to just before the last batch, although nothing comes from it', async () => {
    const world = new World()
    const one = await start(world)
    world.commit(put(BOX, '{"data":"old"}'))
    await heard(one, ({ content }) => (content as { box_id?: string }).box_id === '1')
    world.rewind(1)
    await heard(one, ({ content }) => (content as { kind?: string }).kind === 'deleted')
    expect(boxes(one.changes)).toEqual(['1 created live', '1 deleted resync'])
  })

  it.each([
    ['meta/store again', META_KEY],
    ['a schema', makeKey('schemas', 'kytos', 'a', 'digest')],
    ['overrides by hand', SETTINGS],
  ])('begins a new epoch for another history that ends with the same text: %s', async (_, key) => {
    const world = new World()
    const one = await start(world)
    const { epoch } = one.service.health()
    const text = world.store.get(key)?.text ?? '{}'
    const again = () => world.commit(put(key, text))
    world.commit(put(BOX, '{"data":"of the former store"}'))
    again()
    await expect.poll(() => one.service.health().revision, POLL).toBeGreaterThanOrEqual(world.revision)
    // Something else stands where the box was, and the same text follows.
    world.rewind(Number(world.revision) - 1)
    again()
    await expect.poll(() => one.service.health().epoch, POLL).toBeGreaterThan(epoch)
    await expect.poll(() => boxes(one.changes), POLL).toEqual(['1 created live', '1 deleted resync'])
    expect(one.service.health().repairs).toBe(0)
  })

  it('begins a new epoch also when the last unique text is too far back, with a comparison', async () => {
    const world = new World()
    // Without an interval: the doubt alone asks for the comparison.
    const one = await start(world, { pace: { ...HURRIED, reconcile: 0 } })
    const { epoch } = one.service.health()
    const again = (n: number) => world.commit(put(makeKey('boxes', 'net', 'by-hand'), `{"data":${n}}`))
    world.commit(put(BOX, '{"data":"of the former store"}'))
    for (let n = 0; n <= MAX_STEPS; n++) again(n)
    await expect.poll(() => one.service.health().revision, POLL).toBe(world.revision)
    // The controller follows the other history before it is compared, as if it were the same.
    world.rewind(Number(world.revision) - 1)
    for (let n = 0; n <= MAX_STEPS; n++) again(n)
    await expect.poll(() => one.service.health().epoch, POLL).toBeGreaterThan(epoch)
    await expect.poll(() => boxes(one.changes).at(-1), POLL).toBe('1 deleted resync')
    const { repairs, reconciles } = one.service.health()
    expect([repairs, reconciles]).toEqual([0, 1])
    expect(one.log.lines.filter(line => line.includes('REPAIR'))).toEqual([])
  })

  it('says nothing and keeps the epoch when the same store is compared', async () => {
    const world = new World()
    const one = await start(world, { pace: { ...HURRIED, reconcile: 0 } })
    const { epoch } = one.service.health()
    for (let n = 0; n <= MAX_STEPS; n++) world.commit(put(BOX, `{"data":${n}}`))
    await expect.poll(() => one.service.health().revision, POLL).toBe(world.revision)
    await reconnect(one)
    await expect.poll(() => one.service.health().reconciles, POLL).toBe(1)
    expect(one.service.health()).toMatchObject({ epoch, repairs: 0, resyncs: 0, state: 'READY' })
  })

  it('goes on by steps when the last batch is the registration of a schema', async () => {
    const world = new World()
    const one = await start(world)
    world.commit(put(BOX, '{"data":1}'))
    await one.ask('kytos.settings.register', { namespace: 'kytos/a', schema: {} })
    one.line.down = true
    one.line.cut()
    await heard(one, isState('STALE'))
    const { epoch } = one.service.health()
    world.commit({ key: BOX, delete: true })
    world.commit(put(makeKey('boxes', 'net', '2'), '{"data":2}'))
    one.line.early = 2
    one.line.down = false
    await heard(one, ({ content }) => (content as { box_id?: string }).box_id === '2')
    await heard(one, isState('READY'))
    expect(one.service.health().epoch).toBe(epoch)
    expect(boxes(one.changes)).toEqual(['1 created live', '1 deleted live', '2 created live'])
  })

  it('goes on after a deletion without a word when it comes again', async () => {
    const world = new World()
    const one = await start(world)
    world.commit(put(BOX, '{"data":1}'))
    world.commit({ key: BOX, delete: true })
    await heard(one, ({ content }) => (content as { kind?: string }).kind === 'deleted')
    const { epoch } = one.service.health()
    await reconnect(one)
    expect(one.service.health().epoch).toBe(epoch)
    expect(boxes(one.changes)).toEqual(['1 created live', '1 deleted live'])
  })

  it('keeps the epoch when a part of what it was to know the store by went before it began', async () => {
    const world = new World()
    world.commit(put(BOX, '{"data":1}'), put(makeKey('boxes', 'net', '2'), '{"data":2}'))
    world.commit({ key: BOX, delete: true })
    const one = await start(world)
    const { epoch } = one.service.health()
    await reconnect(one)
    expect(one.service.health().epoch).toBe(epoch)
    expect(one.log.lines.filter(line => line.startsWith('warn'))).toHaveLength(1)
  })

  it('says nothing and keeps the epoch when only steps that it knows were forgotten', async () => {
    const world = new World()
    const one = await start(world)
    world.commit(put(BOX, '{"data":1}'))
    await heard(one, ({ content }) => (content as { box_id?: string }).box_id === '1')
    const { epoch } = one.service.health()
    world.store.forget()
    await reconnect(one)
    // A store that was quiet since its compaction: the listing's newest entry cannot be watched from either.
    world.store.forget()
    await reconnect(one)
    world.commit(put(makeKey('boxes', 'net', '2'), '{"data":2}'))
    await heard(one, ({ content }) => (content as { box_id?: string }).box_id === '2')
    expect(one.service.health().epoch).toBe(epoch)
    expect(boxes(one.changes)).toEqual(['1 created live', '2 created live'])
  })
})
