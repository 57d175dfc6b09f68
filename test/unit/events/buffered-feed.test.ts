import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFeed } from '../../../events/buffered-feed.ts'
import type { KytosEvent } from '../../../events/event.ts'
import type { Facts } from '../../../events/map.ts'
import { compareCursors, PART, parseCursor, WHOLE } from '../../../model/cursor.ts'

/** A feed whose state is what the test says; where the store is, when it is asked. */
function createStage(
  epoch = 1,
  revision = 0n,
  store?: () => { readonly epoch: number; readonly revision: bigint },
) {
  const storePosition = store && { storePosition: async () => store() }
  const source = {
    epoch,
    revision,
    announcing: false,
    ...storePosition,
    namespaces: () => ({
      'kytos/a': { data: { at: String(source.revision) }, revision: String(source.revision) },
    }),
  }
  const feed = createFeed(source, 1)
  const event = (name: string, content: object): KytosEvent => ({
    id: name,
    name,
    content,
    timestamp: '',
    priority: 0,
    reinjections: 0,
  })
  return {
    source,
    feed,
    /** Says a fact at this place. */
    say(revision: number, n = 1, weight = 0): string {
      source.revision = BigInt(revision)
      const cursor = `${source.epoch}.${revision}.${n}`
      feed.add(event('settings.changed', { namespace: 'kytos/a', cursor, origin: 'live' }), weight)
      return cursor
    },
    /** Says a revision of so many keys, as a watcher does. */
    step(revision: number, keys = 1): void {
      for (let n = 1; n <= keys; n++)
        feed.add(event('settings.changed', { cursor: `${source.epoch}.${revision}.${n}`, origin: 'live' }), 0)
      source.revision = BigInt(revision)
      feed.advanced(true)
    },
    /** Says what a listing at this revision shows to be different at so many keys. */
    list(revision: number, keys: number, epoch = source.epoch): void {
      for (let n = 1; n <= keys; n++) {
        const cursor = `${epoch}.${revision}.${n === keys ? WHOLE : PART + n}`
        feed.add(event('settings.changed', { cursor, origin: 'resync' }), 0)
      }
      Object.assign(source, { epoch, revision: BigInt(revision) })
      feed.advanced(false)
    },
    state: () => feed.add(event('settings.state', { state: 'READY' }), 0),
  }
}

/**
 * What a reader gets: cursors, `snapshot <cursor>`, `<cursor> replay`, or the name of a fact without a
 * cursor.
 */
function read(feed: ReturnType<typeof createStage>['feed'], since?: string) {
  const got: string[] = []
  const leave = feed.follow(since, ({ name, content }, cursor) => {
    if (name === 'settings.snapshot') got.push(`snapshot ${cursor}`)
    else if (cursor === undefined) got.push(name)
    else got.push((content as Facts['settings.changed']).origin === 'replay' ? `${cursor} replay` : cursor)
  })
  return { got, leave }
}

describe('a reader of the feed', () => {
  it('that names no cursor hears what is said from now on, also what has none', () => {
    const { feed, say, state } = createStage()
    feed.begin()
    say(1)
    const { got } = read(feed)
    say(2)
    state()
    expect(got).toEqual(['1.2.1', 'settings.state'])
  })

  it('that resumes before there is a state gets it as a snapshot once it is there, and nothing with a cursor before', () => {
    const { feed, say, state } = createStage()
    const { got } = read(feed, '1.3.1')
    expect(feed.cursor).toBeUndefined()
    state()
    say(4)
    feed.begin()
    say(5)
    expect(got).toEqual(['settings.state', 'snapshot 1.4.1', '1.5.1'])
    const late = createStage(2, 7n)
    const { got: gotLate } = read(late.feed, '1.3.1')
    late.feed.begin()
    late.say(8)
    expect(gotLate).toEqual(['snapshot 2.7.999999999', '2.8.1'])
  })

  it('resumes at any cursor it was given, and hears exactly the rest, in order, once', () => {
    const revisions = fc.uniqueArray(
      fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 4 })),
      {
        selector: ([revision, n]) => revision * 10 + n,
        minLength: 1,
      },
    )
    fc.assert(
      fc.property(revisions, fc.nat(), fc.nat(), (places, at, split) => {
        const { feed, say } = createStage()
        feed.begin()
        const ordered = places.toSorted(([r1, n1], [r2, n2]) => r1 - r2 || n1 - n2)
        const early = ordered.slice(0, split % (ordered.length + 1))
        const said = early.map(([revision, n]) => say(revision, n))
        const since = said[at % Math.max(said.length, 1)] ?? newest(feed)
        const { got } = read(feed, since)
        for (const [revision, n] of ordered.slice(early.length)) said.push(say(revision, n))
        const rest = said.slice(said.indexOf(since) + 1)
        expect(got.map(one => one.replace(' replay', ''))).toEqual(rest)
        expect(got.filter(one => one.endsWith(' replay'))).toHaveLength(
          Math.max(0, early.length - said.indexOf(since) - 1),
        )
      }),
    )
  })

  it('resumes at the state of the start without a snapshot', () => {
    const { feed, say } = createStage(1, 5n)
    feed.begin()
    const { cursor } = feed
    say(6)
    expect(read(feed, cursor).got).toEqual(['1.6.1 replay'])
  })

  it('that asks for more than is kept gets one snapshot first, then what comes after it', () => {
    const { feed, say } = createStage(1, 5n)
    feed.begin()
    say(6)
    for (const since of ['0', '1.4.1', '0.999.1']) {
      const { got, leave } = read(feed, since)
      say(Number(newest(feed).split('.')[1]) + 1)
      expect(got).toEqual([expect.stringMatching(/^snapshot 1\.\d+\.1$/), feed.cursor])
      leave()
    }
  })

  it('gets in a snapshot all namespaces at its cursor', () => {
    const { feed, say } = createStage(1, 5n)
    feed.begin()
    say(6)
    const snapshots: unknown[] = []
    feed.follow('0', event => snapshots.push(event))
    expect(snapshots).toMatchObject([
      {
        name: 'settings.snapshot',
        content: {
          namespaces: { 'kytos/a': { data: { at: '6' }, revision: '6' } },
          revision: '6',
          epoch: 1,
          cursor: '1.6.1',
        },
      },
    ])
  })

  it('that is ahead of this controller hears nothing that it knows', () => {
    const { feed, say } = createStage()
    feed.begin()
    say(1)
    const { got } = read(feed, '1.3.2')
    say(2)
    say(3, 1)
    say(3, 2)
    say(3, 3)
    say(4)
    expect(got).toEqual(['1.3.3', '1.4.1'])
  })

  it('that resumes across a new epoch hears the rest of the old one, then the new one', () => {
    const { feed, say, source } = createStage()
    feed.begin()
    say(8)
    say(9)
    source.epoch = 2
    say(3)
    const { got } = read(feed, '1.8.1')
    say(4)
    expect(got).toEqual(['1.9.1 replay', '2.3.1 replay', '2.4.1'])
    expect(read(feed, '2.3.1').got).toEqual(['2.4.1 replay'])
  })

  it('that names what is no cursor is refused, and not kept as a reader', () => {
    const { feed, say } = createStage()
    feed.begin()
    const got: unknown[] = []
    expect(() => feed.follow('yesterday', event => got.push(event))).toThrow(
      expect.objectContaining({ code: 'CURSOR_MALFORMED' }),
    )
    say(1)
    expect(got).toEqual([])
  })

  it('that leaves hears nothing more and leaves nothing behind; others go on', () => {
    const { feed, say } = createStage()
    feed.begin()
    const first = read(feed)
    const second = read(feed)
    first.leave()
    first.leave()
    say(1)
    expect([first.got, second.got]).toEqual([[], ['1.1.1']])
  })

  it('may leave in the middle of being told, and may bring another one', () => {
    const { feed, say } = createStage()
    feed.begin()
    const got: string[] = []
    const leave = feed.follow(undefined, (_, cursor) => {
      got.push(`first ${cursor}`)
      leave()
      feed.follow(cursor, (_event, next) => got.push(`second ${next}`))
    })
    say(1)
    say(2)
    expect(got).toEqual(['first 1.1.1', 'second 1.2.1'])
  })
})

describe('a reader that is ahead of its controller', () => {
  const whole = (revision: number, epoch = 1) => `${epoch}.${revision}.${WHOLE}`

  it('waits, hears what has no cursor, and goes on exactly after its own when that is passed by steps', () => {
    for (const since of ['1.5.1', '1.5.2', whole(5)]) {
      const { feed, step, state } = createStage(1, 3n)
      feed.begin()
      const { got } = read(feed, since)
      for (const revision of [4, 5]) step(revision, 2)
      state()
      step(6)
      expect(got).toEqual([...(since === '1.5.1' ? ['1.5.2'] : []), 'settings.state', '1.6.1'])
    }
  })

  it('goes on where the revision of its cursor has no more facts', () => {
    const { feed, step, source } = createStage(1, 3n)
    feed.begin()
    const { got } = read(feed, '1.5.2')
    step(5, 2)
    source.revision = 7n
    feed.advanced(true)
    feed.advanced(false)
    step(8)
    expect(got).toEqual(['1.8.1'])
  })

  it('gets one snapshot when it is passed by a difference, and nothing of that, but what comes after it', () => {
    for (const keys of [0, 1, 3]) {
      const { feed, step, list } = createStage(1, 3n)
      feed.begin()
      const behind = read(feed, whole(3))
      const ahead = read(feed, '1.5.1')
      const within = read(feed, '1.7.1')
      list(7, keys)
      step(8)
      expect(behind.got).toEqual([
        ...Array.from({ length: keys }, (_, i) => (i + 1 === keys ? whole(7) : `1.7.${PART + i + 1}`)),
        '1.8.1',
      ])
      expect(ahead.got).toEqual([`snapshot ${whole(7)}`, '1.8.1'])
      expect(within.got).toEqual([`snapshot ${whole(7)}`, '1.8.1'])
    }
  })

  it('hears nothing again when a difference leads exactly to all that it knows', () => {
    const { feed, step, list } = createStage(1, 3n)
    feed.begin()
    const { got } = read(feed, whole(7))
    list(7, 2)
    step(8)
    expect(got).toEqual(['1.8.1'])
  })

  it('waits on when a difference does not come to its cursor', () => {
    const { feed, step, list } = createStage(1, 3n)
    feed.begin()
    const { got } = read(feed, '1.9.1')
    list(7, 2)
    for (const revision of [8, 9, 10]) step(revision)
    expect(got).toEqual(['1.10.1'])
  })

  it('by an epoch that is not known yet waits for that, too', () => {
    const { feed, step, list } = createStage(1, 30n)
    feed.begin()
    const one = read(feed, '2.7.1')
    const other = read(feed, '2.9.1')
    step(31)
    list(8, 1, 2)
    for (const revision of [9, 10]) step(revision)
    expect(one.got).toEqual([`snapshot ${whole(8, 2)}`, '2.9.1', '2.10.1'])
    expect(other.got).toEqual(['2.10.1'])
  })

  it('gets nothing that is about to be said twice: it is let in between two revisions only', () => {
    const { feed, step, source } = createStage(1, 3n)
    feed.begin()
    source.announcing = true
    const readers = ['0', '1.3.999999999', '1.4.1'].map(since => read(feed, since))
    source.announcing = false
    step(4, 2)
    step(5)
    expect(readers.map(({ got }) => got)).toEqual([
      ['snapshot 1.4.2', '1.5.1'],
      ['1.4.1', '1.4.2', '1.5.1'],
      ['1.4.2', '1.5.1'],
    ])
  })

  it('with the cursor of another store waits until the store was asked twice, then gets a snapshot', async () => {
    let asked = 0
    let isThere = false
    const { feed, step } = createStage(1, 3n, () => {
      asked++
      if (!isThere) throw new Error('away')
      return { epoch: 1, revision: 6n }
    })
    feed.begin()
    const [other, later, ours] = ['2.1.1', '1.7.1', '1.6.1'].map(since => read(feed, since))
    await expect.poll(() => asked).toBeGreaterThan(3)
    expect([other?.got, later?.got, ours?.got]).toEqual([[], [], []])
    isThere = true
    await expect.poll(() => other?.got.length).toBe(1)
    for (const revision of [4, 5, 6, 7, 8]) step(revision)
    expect(other?.got).toEqual([`snapshot ${whole(3)}`, '1.4.1', '1.5.1', '1.6.1', '1.7.1', '1.8.1'])
    expect(later?.got).toEqual(other?.got)
    expect(ours?.got).toEqual(['1.7.1', '1.8.1'])
  })
})

describe('a reader that was cut off within a difference', () => {
  it('gets a snapshot wherever it goes on, once the revision is there, and never one from before', () => {
    for (const begin of [3, 7, 9]) {
      const { feed, step } = createStage(1, BigInt(begin))
      feed.begin()
      const { got } = read(feed, `1.7.${PART + 2}`)
      for (let revision = begin + 1; revision <= 10; revision++) step(revision, 2)
      const first = Math.max(begin, 7)
      const rest = [8, 9, 10]
        .filter(revision => revision > first)
        .flatMap(revision => [`1.${revision}.1`, `1.${revision}.2`])
      expect(got).toEqual([`snapshot 1.${first}.${WHOLE}`, ...rest])
    }
  })
})

describe('the feed', () => {
  it('has what was passed over told by a snapshot, also when a listing found no difference', () => {
    const { feed, step, list } = createStage(1, 3n)
    feed.begin()
    step(4)
    list(9, 0)
    step(10)
    // It may have been told elsewhere what came between 4 and 9, and went.
    for (const since of ['1.4.1', '1.6.1']) expect(read(feed, since).got).toEqual(['snapshot 1.10.1'])
    expect(read(feed, `1.9.${WHOLE}`).got).toEqual(['1.10.1 replay'])
  })

  it('makes one snapshot for all who need it at the same place', () => {
    const { feed, list } = createStage(1, 3n)
    feed.begin()
    const heard = new Set<KytosEvent>()
    for (const since of ['1.4.1', '1.5.1', '1.6.1']) feed.follow(since, event => heard.add(event))
    list(7, 1)
    expect(heard.size).toBe(1)
  })

  it('keeps the newest 10,000 facts at most, and never leaves a gap', () => {
    const { feed, say } = createStage()
    feed.begin()
    for (let revision = 1; revision <= 25_000; revision++) say(revision)
    expectNoGap(feed, 25_000, 8_000, 10_000)
  })

  it('keeps about 32 MiB at most, but never forgets all of it at once', () => {
    const { feed, say } = createStage()
    feed.begin()
    const document = 256 * 1024
    for (let revision = 1; revision <= 1_000; revision++) say(revision, 1, document)
    expectNoGap(feed, 1_000, 30, (32 * 1024 * 1024) / (3 * document) + 1)
  })

  it('keeps the newest fact however heavy it is', () => {
    const { feed, say } = createStage()
    feed.begin()
    say(1)
    say(2, 1, 1e9)
    expect(read(feed, '1.1.1').got).toEqual(['1.2.1 replay'])
  })

  it('counts from the first fact that was said when that was before the start was over', () => {
    const { feed, say } = createStage(1, 5n)
    say(6, 2)
    feed.begin()
    expect(read(feed, '1.6.1').got).toEqual(['1.6.2 replay'])
    expect(read(feed, '1.5.1').got).toEqual(['snapshot 1.6.2'])
  })

  it('has the cursor of the newest fact, of the state before the first', () => {
    const { feed, say } = createStage(3, 5n)
    expect(feed.cursor).toBeUndefined()
    feed.begin()
    expect(compareCursors(parseCursor(newest(feed)), parseCursor('3.5.1'))).toBeGreaterThan(0)
    expect(compareCursors(parseCursor(newest(feed)), parseCursor('3.6.0'))).toBeLessThan(0)
    say(6)
    expect(feed.cursor).toBe('3.6.1')
  })
})

function newest(feed: ReturnType<typeof createStage>['feed']): string {
  return feed.cursor ?? 'there is no state yet'
}

/**
 * Of every cursor either exactly the rest is given, or a snapshot; what is served reaches back at least and
 * at most so far.
 */
function expectNoGap(
  feed: ReturnType<typeof createStage>['feed'],
  last: number,
  least: number,
  most: number,
): void {
  let served = 0
  for (
    let back = 1;
    back <= Math.min(last, most + 10);
    back = back < 40 ? back + 1 : Math.floor(back * 1.2)
  ) {
    const { got, leave } = read(feed, `1.${last - back}.1`)
    leave()
    if (got[0]?.startsWith('snapshot')) expect(got).toEqual([`snapshot 1.${last}.1`])
    else {
      expect(got).toHaveLength(back)
      expect(got[0]).toBe(`1.${last - back + 1}.1 replay`)
      served = back
    }
  }
  expect(served).toBeGreaterThan(least)
  expect(served).toBeLessThanOrEqual(most)
}
