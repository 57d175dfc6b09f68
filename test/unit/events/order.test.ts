import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBus } from '../../../events/bus.ts'
import type { KytosEvent, Listener, Unsubscribe } from '../../../events/event.ts'
import { settled } from './facts.ts'

const NAMES = ['kytos/a.x', 'kytos/a.y', 'kytos/b.x', 'net/b'] as const
const PATTERNS = [/kytos\/.*/, /.*x/, /kytos\/a\.x|net\/b/, /.*/] as const

type Temper = 'calm' | 'slow' | 'throwing' | 'rejecting' | 'echoing' | 'hanging'
type Step =
  | { readonly do: 'emit'; readonly name: string }
  | { readonly do: 'subscribe'; readonly to: string | RegExp; readonly temper: Temper }
  | { readonly do: 'unsubscribe'; readonly which: number }
  | { readonly do: 'wait' }

const tempers = fc.constantFrom<Temper>('calm', 'slow', 'throwing', 'rejecting', 'echoing', 'hanging')
const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('emit' as const), name: fc.constantFrom(...NAMES) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('subscribe' as const),
        to: fc.constantFrom(...NAMES, ...PATTERNS),
        temper: tempers,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), which: fc.nat(9) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
  ),
  { maxLength: 60 },
)

/** A subscription as a schedule sees it: what it should have heard, and what it did. */
interface Witness {
  readonly to: string | RegExp
  readonly temper: Temper
  readonly expected: string[]
  readonly heard: string[]
  readonly stop: Unsubscribe
  overlapped: boolean
  /** How much it had heard when it was told to stop. */
  stoppedAt?: number
}

function matches(to: string | RegExp, name: string): boolean {
  return typeof to === 'string' ? to === name : name.match(to)?.[0] === name
}

async function play(schedule: readonly Step[]): Promise<readonly Witness[]> {
  const bus = createBus()
  const witnesses: Witness[] = []
  const say = (name: string, content: object): KytosEvent => {
    const event = bus.emit(name, content)
    for (const witness of witnesses)
      if (witness.stoppedAt === undefined && matches(witness.to, name)) witness.expected.push(event.id)
    return event
  }
  const join = (to: string | RegExp, temper: Temper): void => {
    let busy = false
    const listener: Listener = async event => {
      witness.overlapped ||= busy
      busy = true
      witness.heard.push(event.id)
      if (temper === 'hanging') await new Promise(() => {})
      if (temper === 'slow') await settled()
      if (temper === 'echoing' && !(event.content as { echo?: true }).echo) say('net/b', { echo: true })
      busy = false
      if (temper === 'rejecting') throw new Error('rejecting')
    }
    const hear: Listener = event => {
      if (temper !== 'throwing') return listener(event)
      witness.heard.push(event.id)
      throw new Error('throwing')
    }
    const witness: Witness = {
      to,
      temper,
      expected: [],
      heard: [],
      overlapped: false,
      stop: bus.on(to, hear),
    }
    witnesses.push(witness)
  }
  for (const step of schedule) {
    if (step.do === 'emit') say(step.name, {})
    else if (step.do === 'subscribe') join(step.to, step.temper)
    else if (step.do === 'wait') await settled()
    else {
      const witness = witnesses[step.which]
      witness?.stop()
      if (witness) witness.stoppedAt ??= witness.heard.length
    }
  }
  for (let i = 0; i < 2 * schedule.length + 20; i++) await settled()
  const failures = witnesses
    .filter(({ temper }) => temper === 'throwing' || temper === 'rejecting')
    .flatMap(({ heard }) => heard)
  expect(
    bus.deadLetters
      .list()
      .map(({ event }) => event.id)
      .sort(),
  ).toEqual(failures.sort())
  return witnesses
}

describe('whatever listeners do', () => {
  it('each hears what matched while it listened, once, in order, one at a time', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async schedule => {
        for (const { expected, heard, temper, overlapped, stoppedAt } of await play(schedule)) {
          const reached = stoppedAt ?? (temper === 'hanging' ? Math.min(1, expected.length) : expected.length)
          expect(heard).toEqual(expected.slice(0, reached))
          expect(overlapped).toBe(false)
        }
      }),
      { numRuns: 150 },
    )
  })
})
