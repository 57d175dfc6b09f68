import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMMANDS, type CommandContent, type CommandName } from '../../../events/map.ts'
import { isSettingsError } from '../../../model/errors.ts'
import type { Controller } from '../../support/controller.ts'
import { createStore, fingerprint, open } from '../settings/stores.ts'

/** What untyped code may send: the types of a command are a promise that only TypeScript keeps. */
const say = (to: Controller, name: CommandName, content: object): Promise<unknown> =>
  to.ask(name, content as CommandContent<CommandName>)

/** A content that each command takes, and the fields it may also have. */
const TAKEN: Readonly<
  Record<
    CommandName,
    { readonly content: Readonly<Record<string, unknown>>; readonly more?: Readonly<Record<string, unknown>> }
  >
> = {
  'kytos.settings.register': {
    content: { namespace: 'kytos/x', schema: {} },
    more: { seed: {}, napp_version: '1' },
  },
  'kytos.settings.create': { content: { namespace: 'kytos/x', data: {} } },
  'kytos.settings.retrieve': { content: { namespace: 'kytos/x' }, more: { explain: false, fresh: false } },
  'kytos.settings.update': {
    content: { namespace: 'kytos/x', data: {} },
    more: { method: 'PATCH', revision: '0', dry_run: false, confirm_within: 60 },
  },
  'kytos.settings.delete': {
    content: { namespace: 'kytos/x' },
    more: { revision: '0', confirm_within: 60 },
  },
  'kytos.settings.list': { content: {}, more: { prefix: 'k' } },
  'kytos.settings.describe': { content: { namespace: 'kytos/x' } },
  'kytos.settings.remove_schema': {
    content: { namespace: 'kytos/x' },
    more: { digest: 'a'.repeat(64), force: true },
  },
  'kytos.settings.transaction': {
    content: { operations: [{ namespace: 'kytos/x', data: {} }] },
    more: { dry_run: false, confirm_within: 60 },
  },
  'kytos.settings.confirm': { content: { namespace: 'kytos/x' } },
  'kytos.settings.cancel': { content: { namespace: 'kytos/x' } },
  'kytos.settings.reseal': { content: { namespace: 'kytos/x' } },
  'kytos.settings.history': { content: { namespace: 'kytos/x' }, more: { limit: 1, version: 1 } },
  'kytos.settings.audit': { content: {}, more: { after: '1.0', from: '2026-11-27T03:00:00Z', limit: 1 } },
  'kytos.settings.as_of': { content: { at: '2026-11-27T03:00:00Z' }, more: { namespace: 'kytos/x' } },
  'kytos.settings.rollback': {
    content: { namespace: 'kytos/x', version: 0 },
    more: { keys: ['/a'], revision: '0', dry_run: false },
  },
  'kytos.settings.rollback_transaction': {
    content: {},
    more: {
      ...{ write_id: 'w', documents: [{ namespace: 'kytos/x', version: 0 }] },
      ...{ force: false, dry_run: false },
    },
  },
  'kytos.settings.status': { content: {}, more: { namespace: 'kytos/x' } },
  'kytos.settings.controllers': { content: {} },
  'kytos.settings.restore_files': { content: {}, more: { namespace: 'kytos/x' } },
  'kytos.storehouse.create': { content: { namespace: 'n', data: {} }, more: { box_id: 'b', owner: 'o' } },
  'kytos.storehouse.retrieve': { content: { namespace: 'n', box_id: 'b' } },
  'kytos.storehouse.update': {
    content: { namespace: 'n', box_id: 'b', data: {} },
    more: { method: 'PUT', revision: '1' },
  },
  'kytos.storehouse.delete': { content: { namespace: 'n', box_id: 'b' } },
  'kytos.storehouse.list': { content: { namespace: 'n' } },
}
const NAMES = Object.keys(COMMANDS) as CommandName[]
const COMMON = { scope: 'cluster', comment: 'why' }
const fieldsOf = (name: CommandName): string[] =>
  Object.keys({
    ...TAKEN[name].content,
    ...TAKEN[name].more,
    ...(name.startsWith('kytos.settings.') ? COMMON : {}),
  })

/** What no field but a value takes. */
const ODD: readonly unknown[] = [
  null,
  [],
  {},
  0,
  -1,
  1.5,
  true,
  '',
  '\0',
  '../x',
  'x'.repeat(3_000),
  2n ** 64n,
  Symbol('s'),
  () => 1,
  Number.NaN,
  new Date(0),
  Object.create(null),
  [[2n ** 64n]],
]
/** Where an odd value is a good one. */
const FITS: Readonly<Record<string, (value: unknown) => boolean>> = {
  data: () => true,
  schema: value => typeof value === 'object',
  seed: value => typeof value === 'object',
  fresh: value => typeof value === 'boolean',
  explain: value => typeof value === 'boolean',
  dry_run: value => typeof value === 'boolean',
  comment: value => typeof value === 'string',
  napp_version: value => typeof value === 'string',
  // Ignored unless it is a string.
  owner: () => true,
  box_id: value => typeof value === 'string' || value === null,
  namespace: value => typeof value === 'string',
  prefix: value => typeof value === 'string',
  // A nonsense that is refused before it is looked at.
  version: value => value === 0,
}

describe('a command', () => {
  it.each(NAMES)(
    '%s refuses each field with a value that cannot be one, in words, and writes nothing',
    async name => {
      const store = createStore()
      const one = await open(store)
      const before = fingerprint(store)
      for (const field of fieldsOf(name)) {
        for (const value of ODD) {
          if (FITS[field]?.(value)) continue
          // A command of storehouse ignores a revision that is no string of digits.
          if (field === 'revision' && name.startsWith('kytos.storehouse.')) continue
          const found = await say(one, name, { ...TAKEN[name].content, [field]: value }).then(
            answer => answer,
            error => error,
          )
          expect(
            isSettingsError(found),
            `${field}: ${String(typeof value)} was answered with ${String(found)}`,
          ).toBe(true)
          expect(found).toMatchObject({
            status: expect.toSatisfy((status: number) => status >= 400 && status < 500),
            message: expect.stringMatching(/\.$/),
          })
          expect(found.message.length).toBeLessThan(700)
        }
      }
      expect(fingerprint(store)).toBe(before)
    },
  )

  it.each(NAMES)('%s names a field it does not know, the nearest one, and those it needs', async name => {
    const one = await open(createStore())
    // Those of storehouse ignore it.
    if (name.startsWith('kytos.storehouse.')) return requireFields(one, name)
    const near =
      {
        'kytos.settings.list': 'prefix',
        'kytos.settings.transaction': 'operations',
        'kytos.settings.controllers': 'comment',
        'kytos.settings.audit': 'comment',
        'kytos.settings.rollback_transaction': 'documents',
      }[name as string] ?? 'namespace'
    await expect(say(one, name, { ...TAKEN[name].content, [`${near}x`]: 1 })).rejects.toMatchObject({
      code: 'CONTENT_MALFORMED',
      details: { got: `${near}x`, nearest: near, expected: expect.arrayContaining(fieldsOf(name)) },
    })
    await expect(say(one, name, { ...TAKEN[name].content, zzzzzzzzzzzzz: 1 })).rejects.toMatchObject({
      code: 'CONTENT_MALFORMED',
    })
    await requireFields(one, name)
  })

  async function requireFields(one: Controller, name: CommandName): Promise<void> {
    for (const field of Object.keys(TAKEN[name].content)) {
      const { [field]: _gone, ...rest } = TAKEN[name].content
      await expect(say(one, name, rest)).rejects.toMatchObject({
        code: 'CONTENT_MALFORMED',
        message: `"${name}" requires the field "${field}".`,
      })
    }
  }

  it('answers any content with an answer or an error that tells the caller what is wrong, never with one of its own', async () => {
    const one = await open(createStore())
    const value = fc.oneof(
      fc.anything({
        withBigInt: true,
        withNullPrototype: true,
        withDate: true,
        withMap: true,
        withSparseArray: true,
      }),
      fc.constantFrom(...ODD),
      fc.constantFrom('kytos/x', 'n', 'cluster', 'controller:other', 'PUT', 'JSON_PATCH', '7', 3),
    )
    const content = fc
      .constantFrom(...NAMES)
      .chain(name =>
        fc.tuple(
          fc.constant(name),
          fc.dictionary(
            fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...fieldsOf(name)) }, fc.string()),
            value,
            { maxKeys: 5 },
          ),
          fc.boolean(),
        ),
      )
    await fc.assert(
      fc.asyncProperty(content, async ([name, fields, filled]) => {
        const found = await say(one, name, filled ? { ...TAKEN[name].content, ...fields } : fields).then(
          () => undefined,
          error => error,
        )
        if (found !== undefined)
          expect(found, String(found?.message)).toMatchObject({
            status: expect.toSatisfy((status: number) => status >= 400 && status < 500),
          })
      }),
      { numRuns: 800 },
    )
    expect(one.log.lines.filter(line => line.startsWith('error'))).toEqual([])
  })

  it('takes every scope and comment that it says it takes', async () => {
    const one = await open(createStore())
    for (const scope of ['cluster', 'controller', 'controller:controller-1', 'controller:other']) {
      expect(
        await one.ask('kytos.settings.update', {
          namespace: 'kytos/x',
          data: { scope },
          scope,
          comment: 'ü'.repeat(512),
        }),
      ).toMatchObject({
        overrides: { scope },
      })
      expect(
        await one.ask('kytos.settings.retrieve', { namespace: 'kytos/x', scope, fresh: true, comment: '' }),
      ).toMatchObject({
        overrides: { scope },
      })
      expect(await one.ask('kytos.settings.history', { namespace: 'kytos/x', scope })).toContainEqual(
        expect.objectContaining({ data: { scope }, comment: 'ü'.repeat(512) }),
      )
    }
    expect(await one.ask('kytos.settings.list', { scope: 'controller', prefix: 'kytos/' })).toMatchObject([
      { namespace: 'kytos/x' },
    ])
  })
})
