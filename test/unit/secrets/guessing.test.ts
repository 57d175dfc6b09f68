import { expect, it, onTestFinished } from 'vitest'
import { ask } from '../../../events/ask.ts'
import type { JsonObject } from '../../../model/value.ts'
import { Environment } from '../../../src/state/environment.ts'
import { openController } from '../../support/controller.ts'

/*
 * Tags of one place can be compared, so each value that gets one is a guess: in an array, in several scopes,
 * in the defaults and the seed of a schema.
 */

const NAMESPACE = 'kytos/test'
const SECRET = { type: 'string', 'x-sensitive': true }
const SCHEMA = {
  type: 'object',
  properties: {
    n: { type: 'integer' },
    note: { type: 'string' },
    keys: { type: 'array', items: SECRET },
    pin: { type: 'integer', 'x-sensitive': true },
    password: SECRET,
  },
}
const GUESSES = Array.from({ length: 21 }, (_, i) => `guess-${i}`)

async function open(environment?: Environment) {
  const controller = await openController(environment && { environment })
  onTestFinished(() => controller.close())
  await controller.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  const writer = controller.root.view({ type: 'user', name: 'writer', by: { token: 'writer' } })
  return { controller, writer }
}

it('an array of secrets is as many guesses as it has values, in dry runs and transactions too', async () => {
  const { controller, writer } = await open()
  const tokens = ['one', 'two', 'three', 'four']
  const [one, two, three, four] = tokens.map(token =>
    controller.root.view({ type: 'user', name: token, by: { token } }),
  )
  if (!one || !two || !three || !four) throw new Error()
  const namespace = NAMESPACE
  for (const dry_run of [true, false])
    await expect(
      ask(one, 'kytos.settings.update', { namespace, data: { keys: GUESSES }, dry_run }),
    ).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  await expect(
    ask(two, 'kytos.settings.update', {
      namespace,
      method: 'JSON_PATCH',
      data: [{ op: 'add', path: '/keys', value: GUESSES }],
    }),
  ).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  // One place in several scopes.
  await expect(
    ask(three, 'kytos.settings.transaction', {
      dry_run: true,
      operations: GUESSES.map((password, i) => ({
        namespace,
        scope: `controller:c${i}`,
        data: { password },
      })),
    }),
  ).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  // The same value many times is one guess, and values of several places are not compared.
  const same: JsonObject = { keys: GUESSES.map(() => 'same'), password: 'one', pin: 1 }
  await ask(four, 'kytos.settings.update', { namespace, data: same })
  await ask(writer, 'kytos.settings.update', { namespace, data: { keys: GUESSES.slice(0, 20) } })
  await expect(
    ask(writer, 'kytos.settings.update', { namespace, data: { password: 'next' } }),
  ).rejects.toMatchObject({ code: 'RATE_LIMITED' })
})

it('secrets among the defaults and the seed of a schema are guesses too', async () => {
  const { controller, writer } = await open()
  const namespace = NAMESPACE
  const schemaWith = (password: string, keys: readonly string[] = []): JsonObject => ({
    ...SCHEMA,
    properties: {
      ...SCHEMA.properties,
      password: { ...SECRET, default: password },
      keys: { type: 'array', items: SECRET, default: [...keys] },
    },
  })
  await expect(
    ask(writer, 'kytos.settings.register', { namespace, schema: schemaWith('x', GUESSES) }),
  ).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  const other = controller.root.view({ type: 'user', name: 'other', by: { token: 'other' } })
  await expect(
    ask(other, 'kytos.settings.register', { namespace, schema: SCHEMA, seed: { keys: GUESSES } }),
  ).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  const third = controller.root.view({ type: 'user', name: 'third', by: { token: 'third' } })
  for (const password of GUESSES.slice(0, 20))
    await ask(third, 'kytos.settings.register', { namespace, schema: schemaWith(password) })
  await expect(
    ask(third, 'kytos.settings.register', { namespace, schema: schemaWith('last') }),
  ).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  // The NApp that owns the namespace has its own defaults.
  await controller.ask('kytos.settings.register', { namespace, schema: schemaWith('own', GUESSES) })
})

it('a value that was announced before its place was marked is not replayed', async () => {
  const { controller } = await open()
  const { feed } = controller.service
  const since = feed.cursor
  await controller.ask('kytos.settings.update', { namespace: NAMESPACE, data: { note: 'canary', n: 1 } })
  const replayed = () => {
    const events: string[] = []
    feed.follow(since, event => void events.push(JSON.stringify(event)))()
    return events
  }
  expect(replayed().join()).toContain('canary')
  await controller.ask('kytos.settings.register', {
    namespace: NAMESPACE,
    schema: { ...SCHEMA, properties: { ...SCHEMA.properties, note: SECRET } },
    napp_version: '2',
  })
  await expect.poll(() => replayed().join(), { timeout: 20_000 }).not.toContain('canary')
  await expect.poll(() => replayed().join(), { timeout: 20_000 }).toContain('settings.snapshot')
})

it('an environment variable with an invalid secret is reported without its value', async () => {
  const { controller } = await open(
    new Environment({
      KYTOS_SETTINGS__kytos__test__pin: 'canary',
      KYTOS_SETTINGS__kytos__test__keys: '["canary", 1]',
      KYTOS_SETTINGS__kytos__test__password: 'canary-good',
    }),
  )
  controller.service.reportEnvironment()
  const reader = controller.root.view({ type: 'user', name: 'reader' })
  const answers = [
    await ask(reader, 'kytos.settings.retrieve', { namespace: NAMESPACE }),
    await ask(reader, 'kytos.settings.retrieve', { namespace: NAMESPACE, explain: true }),
    await ask(reader, 'kytos.settings.list', { include: ['data', 'explain', 'rejected'] }),
    await ask(reader, 'kytos.settings.status', {}),
  ]
  expect(controller.log.lines.join('\n')).toContain('KYTOS_SETTINGS__kytos__test__pin')
  expect(JSON.stringify([answers, controller.log.lines, controller.facts])).not.toContain('canary')
})
