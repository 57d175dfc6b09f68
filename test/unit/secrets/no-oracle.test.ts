import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ask } from '../../../events/ask.ts'
import type { CommandContent } from '../../../events/map.ts'
import { isSettingsError, type SettingsError } from '../../../model/errors.ts'
import type { JsonObject } from '../../../model/value.ts'
import { ignoreSealed } from '../../../src/schema/sealed-values.ts'
import { MAX_GUESSES_PER_MINUTE } from '../../../src/secrets/guesses.ts'
import { openController } from '../../support/controller.ts'

/*
 * A writer without the permission `secrets` and a stored secret: the same requests are sent to two stores
 * whose secrets differ. Beside tags, which are of one value and place, the answers are equal; and requests
 * that set a secret are as limited as logins.
 */

const NAMESPACE = 'kytos/test'
const SECRETS = ['alpha', 'beta', 'gamma'] as const
const SCHEMA = {
  type: 'object',
  properties: {
    n: { type: 'integer' },
    note: { type: 'string' },
    password: { type: 'string', 'x-sensitive': true, enum: SECRETS },
    level: { 'x-sensitive': true, const: 7 },
  },
  // A rule that tells the secret by a value beside it.
  if: { properties: { password: { const: 'alpha' } }, required: ['password'] },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
  then: { properties: { n: { maximum: 5 } } },
}

type Update = Omit<CommandContent<'kytos.settings.update'>, 'namespace'>

async function openWith(password: string) {
  const controller = await openController()
  await controller.ask('kytos.settings.register', { namespace: NAMESPACE, schema: SCHEMA })
  await controller.ask('kytos.settings.update', { namespace: NAMESPACE, data: { n: 0, password } })
  const writer = controller.root.view({ type: 'user', name: 'writer', by: { token: 'writer' } })
  const send = (update: Update) => ask(writer, 'kytos.settings.update', { namespace: NAMESPACE, ...update })
  return { controller, writer, send }
}

const refusal = (error: unknown): SettingsError => {
  if (isSettingsError(error)) return error
  throw error
}

/** An answer or an error without tags, revisions and times. */
async function outcome(answer: Promise<object>): Promise<unknown> {
  const known = await answer.catch(refusal)
  const { code, message, details } = known as Partial<SettingsError>
  const content = known instanceof Error ? { code, message, details } : known
  const text = JSON.stringify(content)
    .replace(/"\$sealed":"[\w-]{22}"/g, '"$sealed":"tag"')
    .replace(/"(revision|write_id|at|updated_at|epoch)":"?[^",}]*"?/g, '"$1":0')
  return JSON.parse(text)
}

const guess = fc.constantFrom(...SECRETS, 'wrong')
const update: fc.Arbitrary<Update> = fc.oneof(
  fc.record({ data: fc.record({ n: fc.integer({ min: 0, max: 9 }) }), dry_run: fc.boolean() }),
  fc.record({ data: fc.record({ note: fc.constantFrom(...SECRETS) }), dry_run: fc.boolean() }),
  fc.record({
    data: guess.map((value): JsonObject[] => [
      { op: 'test', path: '/password', value },
      { op: 'replace', path: '/n', value: 1 },
    ]),
    method: fc.constant('JSON_PATCH' as const),
    dry_run: fc.boolean(),
  }),
  fc.record({
    data: guess.map((value): JsonObject[] => [
      { op: 'test', path: '', value: { n: 0, password: value } },
      { op: 'replace', path: '/n', value: 1 },
    ]),
    method: fc.constant('JSON_PATCH' as const),
  }),
  fc.constant({
    data: [{ op: 'copy', from: '/password', path: '/note' }],
    method: 'JSON_PATCH' as const,
  }),
)

it('no request that sets no secret is answered by the value of a stored one', async () => {
  const [one, two] = await Promise.all([openWith('alpha'), openWith('beta')])
  try {
    await fc.assert(
      fc.asyncProperty(update, async request => {
        const [first, second] = await Promise.all([outcome(one.send(request)), outcome(two.send(request))])
        expect(first).toEqual(second)
      }),
      { numRuns: 60 },
    )
  } finally {
    await Promise.all([one.controller.close(), two.controller.close()])
  }
})

it('a secret that is set is answered alike, whether it is the stored one or not', async () => {
  const { controller, send } = await openWith('alpha')
  try {
    const [same, other, wrong, level] = [
      await outcome(send({ data: { password: 'alpha' }, dry_run: true })),
      await outcome(send({ data: { password: 'beta' }, dry_run: true })),
      await outcome(send({ data: { password: 'delta' } })),
      await outcome(send({ data: { level: 8 } })),
    ]
    const shapes = [same, other].map(one => ({
      ...(one as JsonObject),
      preview: undefined,
      changes: undefined,
    }))
    expect(shapes[0]).toEqual(shapes[1])
    for (const refused of [wrong, level]) {
      expect(refused).toMatchObject({ code: 'SETTINGS_INVALID' })
      expect(JSON.stringify(refused)).not.toMatch(/delta|\b8\b/)
    }
    const before = controller.changes.length
    const again = await send({ data: { password: 'alpha' } })
    expect(again.version).toBe(2)
    await expect.poll(() => controller.changes.length).toBe(before + 1)
  } finally {
    await controller.close()
  }
})

it('all ways to set a secret count together, dry runs too', async () => {
  const { controller, writer, send } = await openWith('alpha')
  const ways: readonly (() => Promise<unknown>)[] = [
    () => send({ data: { password: 'beta' } }),
    () => send({ data: { password: 'beta' }, dry_run: true }),
    () => send({ data: { n: 1, password: 'beta' }, method: 'PUT' }),
    () => send({ data: [{ op: 'add', path: '/password', value: 'beta' }], method: 'JSON_PATCH' }),
    () =>
      ask(writer, 'kytos.settings.transaction', {
        operations: [{ namespace: NAMESPACE, data: { password: 'beta' } }],
        dry_run: true,
      }),
  ]
  try {
    const codes: (string | undefined)[] = []
    for (let i = 0; i < MAX_GUESSES_PER_MINUTE; i++)
      codes.push(
        await ways[i % ways.length]?.().then(
          () => undefined,
          error => refusal(error).code,
        ),
      )
    expect(codes).not.toContain('RATE_LIMITED')
    for (const way of ways) await expect(way()).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    // Other changes, and a caller that may read secrets, are not limited.
    await send({ data: { n: 3 } })
    const reader = controller.root.view(
      { type: 'user', name: 'reader', by: { token: 'reader' } },
      { mayReadSecrets: true },
    )
    for (let i = 0; i <= MAX_GUESSES_PER_MINUTE; i++)
      await ask(reader, 'kytos.settings.update', { namespace: NAMESPACE, data: { password: 'gamma' } })
  } finally {
    await controller.close()
  }
})

it('a secret that a NApp refuses counts too, because it would accept the stored one', async () => {
  const { controller, send } = await openWith('alpha')
  controller.bus.consume(NAMESPACE, { changing: () => 'never' })
  try {
    const codes: (string | undefined)[] = []
    for (let i = 0; i <= MAX_GUESSES_PER_MINUTE; i++)
      codes.push(
        await send({ data: { password: 'beta' } }).then(
          () => undefined,
          error => refusal(error).code,
        ),
      )
    expect(codes[0]).toBe('CHANGE_VETOED')
    expect(codes.at(-1)).toBe('RATE_LIMITED')
  } finally {
    await controller.close()
  }
})

it('a validation is called once, with tags in place of stored secrets', () => {
  const seen: JsonObject[] = []
  const validate = ignoreSealed(data => {
    seen.push(data)
    return []
  })
  const values = SECRETS.map((_, i) => ({ n: 1, password: { $sealed: `${i}`.repeat(22) } }))
  for (const data of values) expect(validate(data)).toEqual([])
  expect(seen).toEqual(values)
})
