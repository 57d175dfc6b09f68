import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { ask } from '../../../events/ask.ts'
import { createBus } from '../../../events/bus.ts'
import { SettingsError } from '../../../model/errors.ts'
import { measureBus } from '../../../src/metrics/bus.ts'
import { samples } from './samples.ts'

function openMeasured() {
  const registry = new Registry()
  const bus = createBus()
  measureBus(registry, bus)
  return { bus, measured: () => samples(registry) }
}

it('what waits for a listener is told by its name, over all it listens to, until it no longer listens', async () => {
  const { bus, measured } = openMeasured()
  let release = (): void => {}
  const hangs = () => new Promise<void>(resolve => (release = resolve))
  const leave = [bus.on('a', hangs, { name: 'kytos/slow' }), bus.on(/b|c/, hangs, { name: 'kytos/slow' })]
  bus.on('a', () => {}, { name: 'kytos/quick' })
  for (const name of ['a', 'a', 'a', 'b', 'c']) bus.emit(name)
  const waiting = async (listener: string) =>
    (await measured())[`kytos_settings_inbox_events{listener="${listener}"}`]
  // One of each is being heard.
  await expect.poll(() => waiting('kytos/slow')).toBe(3)
  expect(await waiting('kytos/quick')).toBe(0)
  for (const end of leave) end()
  expect(await waiting('kytos/slow')).toBeUndefined()
  expect(await waiting('kytos/quick')).toBe(0)
  release()
})

it('dead letters are those that nobody handed out again or dropped', async () => {
  const { bus, measured } = openMeasured()
  bus.on('a', () => {
    throw new Error('no')
  })
  const letters = async () => (await measured()).kytos_settings_dead_letters
  expect(await letters()).toBe(0)
  bus.emit('a')
  bus.emit('a')
  await expect.poll(letters).toBe(2)
  for (const { id } of bus.deadLetters.list()) bus.deadLetters.drop(id)
  expect(await letters()).toBe(0)
})

it('commands are counted by name and code, and no name that anybody makes up becomes a label', async () => {
  const { bus, measured } = openMeasured()
  bus.serve('kytos.settings.list', () => [])
  bus.serve('kytos.settings.retrieve', () => {
    throw new SettingsError('NAMESPACE_NOT_FOUND', 'none')
  })
  for (let i = 0; i < 2; i++) await ask(bus, 'kytos.settings.list', {})
  await ask(bus, 'kytos.settings.retrieve', { namespace: 'kytos/a' }).catch(() => {})
  for (const name of ['one', 'two'])
    await ask(bus, `kytos.settings.${name}` as 'kytos.settings.list', {}).catch(() => {}) // as untyped code says it
  const commands = Object.entries(await measured()).filter(([name]) =>
    name.startsWith('kytos_settings_commands_total'),
  )
  expect(Object.fromEntries(commands)).toEqual({
    'kytos_settings_commands_total{command="kytos.settings.list",code=""}': 2,
    'kytos_settings_commands_total{command="kytos.settings.retrieve",code="NAMESPACE_NOT_FOUND"}': 1,
    'kytos_settings_commands_total{command="unknown",code="COMMAND_NOT_FOUND"}': 2,
  })
})
