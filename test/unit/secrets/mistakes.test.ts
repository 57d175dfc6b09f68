import { expect, it, onTestFinished } from 'vitest'
import { createMemoryBackend, createMemoryStore } from '../../../backends/memory/index.ts'
import { ask } from '../../../events/ask.ts'
import { makeKey } from '../../../model/key.ts'
import { openController } from '../../support/controller.ts'

/*
 * Secrets in commands and edits that are refused because of a mistake: no other listener, fact, answer or log
 * shows them.
 */

const NAMESPACE = 'kytos/test'
const SECRET = { type: 'string', 'x-sensitive': true }
const SCHEMA = {
  type: 'object',
  properties: {
    n: { type: 'integer' },
    pin: { type: 'integer', 'x-sensitive': true },
    password: { ...SECRET, maxLength: 3 },
    peers: { type: 'array', maxItems: 1, items: { type: 'object', properties: { key: SECRET } } },
  },
}
const CANARY = 'canary'
const WAIT = { timeout: 20_000, interval: 20 }

it.each([
  [
    'a path without a slash',
    { method: 'JSON_PATCH', data: [{ op: 'add', path: 'password', value: CANARY }] },
  ],
  ['no path', { method: 'JSON_PATCH', data: [{ op: 'add', value: CANARY }] }],
  ['a path that is no text', { method: 'JSON_PATCH', data: [{ op: 'add', path: 1, value: CANARY }] }],
  ['a text for an operation', { method: 'JSON_PATCH', data: [CANARY] }],
  [
    'an operation in place of a patch',
    { method: 'JSON_PATCH', data: { op: 'add', path: '/password', value: CANARY } },
  ],
  ['a patch without its method', { data: [{ op: 'add', path: '/password', value: CANARY }] }],
  [
    'a patch with an unknown method',
    { method: 'json_patch', data: [{ op: 'add', path: '/pin', value: CANARY }] },
  ],
  ['a text in place of settings', { data: CANARY }],
  ['a list in place of settings', { data: [CANARY] }],
  [
    'an invalid value',
    { data: { password: CANARY, pin: CANARY, peers: [{ key: CANARY }, { key: CANARY }] } },
  ],
] as const)('is shown to no listener of commands: %s', async (_, content) => {
  const controller = await openController()
  onTestFinished(() => controller.close())
  await controller.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  const seen: unknown[] = []
  controller.root
    .view({ type: 'user', name: 'reader' })
    .on(/kytos\.settings\..*/, event => void seen.push(event))
  const writer = controller.root.view({ type: 'user', name: 'writer' })
  const send = (command: 'kytos.settings.update' | 'kytos.settings.transaction', what: object) =>
    ask(writer, command, what as never).then(
      () => expect.unreachable(),
      error => JSON.stringify([error.message, error.details]),
    )
  const errors = [
    await send('kytos.settings.update', { namespace: NAMESPACE, ...content }),
    await send('kytos.settings.transaction', { operations: [{ namespace: NAMESPACE, ...content }] }),
  ]
  await expect.poll(() => JSON.stringify(seen), WAIT).toContain('kytos.settings.transaction')
  const own = { seen, log: controller.log.lines, facts: controller.facts }
  expect(JSON.stringify(own)).not.toContain(CANARY)
  expect(errors.join()).not.toContain(CANARY)
})

it('an invalid secret that another program stores is shown in no fact, answer and log', async () => {
  const store = createMemoryStore()
  const backend = () => createMemoryBackend(undefined, store)
  const controller = await openController({ backend })
  onTestFinished(() => controller.close())
  await controller.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  const program = backend()
  await program.open()
  const typed = { n: 'x', pin: CANARY, password: CANARY, peers: [{ key: CANARY }, { key: CANARY }] }
  await program.commit([{ key: makeKey('settings', 'kytos', 'test'), put: JSON.stringify(typed) }])
  const reader = controller.root.view({ type: 'user', name: 'reader' })
  await expect
    .poll(async () => (await program.get(makeKey('settings', 'kytos', 'test')))?.text, WAIT)
    .not.toContain(CANARY)
  const namespace = NAMESPACE
  const shown = [
    await ask(reader, 'kytos.settings.retrieve', { namespace, explain: true }),
    await ask(reader, 'kytos.settings.list', { include: ['data', 'explain', 'rejected'] }),
    await ask(reader, 'kytos.settings.history', { namespace }),
    await ask(reader, 'kytos.settings.status', {}),
    controller.facts,
    controller.log.lines,
  ]
  expect(controller.facts.map(({ name }) => name)).toContain('settings.rejected')
  expect(JSON.stringify(shown)).not.toContain(CANARY)
})
