import { afterEach, describe, expect, it } from 'vitest'
import type { Batch } from '../../../backends/backend.ts'
import { isSettingsError } from '../../../model/errors.ts'
import { historyKey, type Key, makeKey } from '../../../model/key.ts'
import { createResumePoint, ResumeCheck, resumePointOf } from '../../../src/watcher/resume-point.ts'
import { type Change, heard, isState, type Player, startPlayer } from './ensemble.ts'
import { World } from './world.ts'

const SETTINGS = makeKey('settings', 'kytos', 'a')
const BOX = makeKey('boxes', 'net', '1')
const RECORD = historyKey(SETTINGS, 1)

const batch = (revision: bigint, ...changes: (readonly [Key, string | undefined])[]): Batch => ({
  revision,
  changes: changes.map(([key, text]) =>
    text === undefined
      ? { type: 'delete', key, revision }
      : { type: 'put', entry: { key, text, modRevision: revision, createRevision: revision } },
  ),
})
const progress = (revision: bigint): Batch => ({ revision, changes: [] })

function reasonOf(work: () => void): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return isSettingsError(error, 'HISTORY_LOST') ? error.details.reason : error
  }
}

describe('the resume point of a batch', () => {
  it('has as its witness what no other commit can contain: a record before a box before overrides', () => {
    expect(resumePointOf(batch(7n, [BOX, 'b'], [RECORD, 'r'], [SETTINGS, '{}']))?.witness?.key).toBe(RECORD)
    expect(resumePointOf(batch(7n, [BOX, 'b'], [SETTINGS, '{}']))?.witness?.key).toBe(BOX)
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

describe('a resumed watch', () => {
  const point = resumePointOf(batch(7n, [BOX, 'b'], [SETTINGS, '{}']))

  it('is confirmed by the same texts of the same keys at the same revision, by nothing else', () => {
    const check = new ResumeCheck(point)
    expect(check.confirmed).toBe(false)
    check.see(batch(7n, [BOX, 'b'], [SETTINGS, '{}']))
    expect(check.confirmed).toBe(true)
    const others = [
      batch(7n, [BOX, 'b'], [SETTINGS, '{"a":1}']),
      batch(8n, [BOX, 'b'], [SETTINGS, '{}']),
      batch(7n, [SETTINGS, '{}']),
      batch(7n, [BOX, 'b'], [RECORD, 'r'], [SETTINGS, '{}']),
      batch(7n, [BOX, 'b'], [SETTINGS, undefined]),
    ]
    for (const other of others) {
      expect(reasonOf(() => new ResumeCheck(point).see(other))).toBe('rewound')
    }
  })

  it('is neither confirmed nor refuted by progress, however far ahead and however often', () => {
    const check = new ResumeCheck(point)
    for (const revision of [1n, 6n, 7n, 900n, 900n]) check.see(progress(revision))
    expect(check.confirmed).toBe(false)
    expect(reasonOf(() => check.conclude())).toBe('unconfirmed')
    check.see(batch(7n, [BOX, 'b'], [SETTINGS, '{}']))
    expect(reasonOf(() => check.conclude())).toBeUndefined()
  })

  it('is confirmed after a listing by what nobody had overtaken, for more it does not know', () => {
    const [entry] = batch(7n, [SETTINGS, '{}']).changes.flatMap(change =>
      change.type === 'put' ? [change.entry] : [],
    )
    const listed = createResumePoint(7n, entry ? [entry] : [], false)
    const check = new ResumeCheck(listed)
    check.see(batch(7n, [BOX, 'deleted since'], [SETTINGS, '{}']))
    expect(check.confirmed).toBe(true)
    expect(reasonOf(() => new ResumeCheck(listed).see(batch(7n, [BOX, 'b'])))).toBe('rewound')
  })

  it('does not call a store rewound for a deletion that compaction dropped', () => {
    const check = new ResumeCheck(resumePointOf(batch(7n, [BOX, undefined])))
    expect(reasonOf(() => check.see(batch(8n, [SETTINGS, '{}'])))).toBe('unconfirmed')
  })
})

describe('a watcher', () => {
  const players: Player[] = []
  afterEach(async () => {
    await Promise.all(players.splice(0).map(player => player.close()))
  })
  const start = async (world: World, id = 'one') => {
    const player = await startPlayer(world, id)
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
