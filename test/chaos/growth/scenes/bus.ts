import { ask } from '../../../../events/ask.ts'
import { createBus } from '../../../../events/bus.ts'
import type { Unsubscribe } from '../../../../events/event.ts'
import { trackSubscriptions } from '../../../../src/host/subscriptions.ts'
import { openController } from '../../../support/controller.ts'
import { changedFact } from '../../../unit/events/facts.ts'
import { createCountedLog } from '../counted-log.ts'
import { type Growth, measure } from '../gauge.ts'

interface Size {
  readonly operations: number
  readonly rounds: number
}

/** Every so many operations those who listen hear what was said. */
const TURN = 500

/**
 * Listeners of every kind come and go on a bus, on views of it and on those that the host gives to NApps,
 * while facts are said.
 */
export async function subscriptions({ operations, rounds }: Size): Promise<Growth> {
  const log = createCountedLog()
  const bus = createBus({ log })
  const view = bus.view({ type: 'napp', name: 'kytos/test' })
  const tracked = trackSubscriptions(view, log).bus
  let heard = 0
  const listen = (n: number): Unsubscribe => {
    const on = [bus, view, tracked][n % 3] ?? bus
    const listener = () => {
      heard++
    }
    if (n % 4 === 0) return on.on('settings.changed', listener)
    if (n % 4 === 1) return on.on(/settings\..*/, listener)
    if (n % 4 === 2) return on.on('settings.changed', listener, { namespace: `kytos/n${n}` })
    return on.on(`kytos/test.${n}`, async () => listener())
  }
  const before = JSON.stringify(bus.counts())
  const growth = await measure(rounds, operations, async () => {
    const open: Unsubscribe[] = []
    for (let n = 0; n < operations; n++) {
      open.push(listen(n))
      if (n % 50 === 0) bus.announce('settings.changed', changedFact({ namespace: `kytos/n${n + 2}` }))
      if (n % 50 === 25) bus.emit(`kytos/test.${n - 22}`, {})
      if (open.length < 100) continue
      // Of those that close in the turn in which a fact was said nobody hears it.
      if (n % TURN === TURN - 1) await new Promise(setImmediate)
      for (const close of open.splice(0)) close()
    }
    for (const close of open) close()
  })
  return { ...growth, seen: { heard, same: JSON.stringify({ ...bus.counts(), cachedNames: 0 }) === before } }
}

/** Readers of the feed come and go, some from an old cursor, while facts are said. */
export async function readers({ operations, rounds }: Size): Promise<Growth> {
  const controller = await openController()
  const { feed } = controller.service
  let pushed = 0
  const growth = await measure(rounds, operations, async () => {
    const open: Unsubscribe[] = []
    const since = feed.cursor
    for (let n = 0; n < operations; n++) {
      open.push(feed.follow(n % 2 ? since : undefined, () => pushed++))
      if (open.length < 100) continue
      if (n % 10_000 === 9_999)
        await controller.ask('kytos.settings.update', { namespace: 'kytos/a', data: { n } })
      for (const close of open.splice(0)) close()
    }
    for (const close of open) close()
    controller.facts.splice(0)
  })
  await controller.close()
  return { ...growth, seen: { pushed } }
}

/**
 * Commands are asked, with callbacks and with `ask`, by one that can stop waiting for all of them at once.
 */
export async function commands({ operations, rounds }: Size): Promise<Growth> {
  const controller = await openController()
  const patience = new AbortController()
  await controller.ask('kytos.settings.update', { namespace: 'kytos/a', data: { a: 1 } })
  let answers = 0
  const growth = await measure(rounds, operations, async () => {
    for (let n = 0; n < operations; n += 50) {
      await Promise.all(
        Array.from({ length: 25 }, async (_, i) => {
          await ask(
            controller.bus,
            'kytos.settings.retrieve',
            { namespace: 'kytos/a' },
            { signal: patience.signal },
          )
          await new Promise<void>(resolve => {
            controller.bus.emit('kytos.settings.retrieve', {
              namespace: i % 2 ? 'kytos/a' : 'kytos/nobody',
              callback: () => resolve(),
            })
          })
          answers += 2
        }),
      )
    }
  })
  await controller.close()
  return { ...growth, seen: { answers } }
}
