import { chmod, chown, link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isSettingsError } from '../../../model/errors.ts'
import { loadBackend } from '../../../src/boot/backend-registry.ts'
import { loadConfig } from '../../../src/boot/config.ts'
import { chooseBackend, nameStore } from '../../../src/boot/store-choice.ts'
import { findDistrust } from '../../../src/boot/trust.ts'

/*
 * Backends of other packages: how their module is found, trusted and checked, and how their options are read.
 */

const METHODS = 'open, get, list, timeToLive, commit, watch, fileProblems, restoreFiles, close'
const OBJECT = `{ name, supports: { entryBytes: 1 }, ${METHODS.replaceAll(/\w+/g, '$&() {}')}, options, context }`
const OPTIONS = {
  type: 'object',
  properties: {
    file: { type: 'string', format: 'path' },
    user: { type: 'string', minLength: 3 },
    secret: { type: 'string', minLength: 3, 'x-sensitive': true },
    fast: { type: 'boolean' },
    size: { type: 'integer', minimum: 1, default: 7 },
    hosts: { type: 'array', items: { type: 'string' } },
    mode: { enum: ['a', 'b'] },
  },
  required: ['file'],
}
const SOUND = moduleText()

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-other-'))
})
afterEach(() => rm(folder, { recursive: true }))

/**
 * The text of a module; a member that is given replaces what a sound one exports, an empty one leaves it out.
 */
function moduleText(members: Readonly<Record<string, string>> = {}): string {
  const all = {
    ...{
      name: "'my-store'",
      contract: '1',
      options: JSON.stringify(OPTIONS),
      create: `(options, context) => (${OBJECT})`,
    },
    ...members,
  }
  return Object.entries(all)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `export const ${key} = ${value}`)
    .join('\n')
}

interface Given {
  readonly module?: string
  readonly text?: string
  readonly section?: string
  readonly isNamed?: boolean
}

let files = 0

/** Writes kytos.ini and the module that it names, and chooses the backend. */
async function choose({
  text = SOUND,
  module,
  section = '[settings.my-store]\nfile = data.json',
  isNamed = true,
}: Given = {}) {
  const name = module ?? `./store-${++files}.mjs`
  if (module === undefined) await writeFile(join(folder, name), text, { mode: 0o644 })
  const ini = join(folder, 'kytos.ini')
  await writeFile(ini, `[settings]\nbackend = ${name}\n${section}\n`, { mode: 0o644 })
  return chooseBackend(await loadConfig(ini, { isNamed }), () => {})
}

/** The error of a choice that is refused, without the folder. */
async function refusal(given: Given): Promise<string> {
  try {
    await choose(given)
  } catch (error) {
    if (!isSettingsError(error)) throw error
    return `${error.code}: ${error.message.replaceAll(`${folder}/`, '').replaceAll(/store-\d+/g, 'store')}`
  }
  throw new Error('the choice was not refused')
}

async function optionsOf(section: string): Promise<unknown> {
  const choice = await choose({ section: `[settings.my-store]\n${section}` })
  return choice.backend === 'other' ? choice.options : undefined
}

describe('The module of a backend', () => {
  it('is created with its options, and with the context that every backend has', async () => {
    const report = (): void => {}
    const created = (await loadBackend(await choose()))(report)
    expect(created).toMatchObject({
      name: 'my-store',
      options: { file: join(folder, 'data.json'), size: 7 },
      context: { report },
    })
  })

  it.each([
    ['for require', { main: 'main.cjs' }, 'main.cjs'],
    ['for import only', { exports: { '.': { import: './main.mjs' } } }, 'main.mjs'],
    [
      'with conditions of one entry',
      { exports: { types: './main.d.ts', default: './main.mjs' } },
      'main.mjs',
    ],
  ])('may be a package %s, beside kytos.ini or above', async (_, manifest, file) => {
    const home = join(folder, 'node_modules/@me/my-store')
    await mkdir(home, { recursive: true })
    await writeFile(
      join(home, 'package.json'),
      JSON.stringify({ name: '@me/my-store', version: '1.0.0', ...manifest }),
    )
    const text = file.endsWith('.cjs')
      ? `${SOUND.replaceAll(/^export const (\w+) = /gm, 'exports.$1 = ')}`.replace(
          'name, supports',
          "name: 'my-store', supports",
        )
      : SOUND
    await writeFile(join(home, file), text)
    expect(await choose({ module: '@me/my-store' })).toMatchObject({
      backend: 'other',
      module: { name: 'my-store', file: join(home, file) },
    })
  })

  it.each<[string, Given, RegExp]>([
    [
      'is not there',
      { module: './none.mjs' },
      /^BACKEND_INVALID: kytos\.ini: .*"none\.mjs", and there is no such file/,
    ],
    [
      'is not installed',
      { module: '@me/none' },
      /"@me\/none", and it is not installed; looked in node_modules, the same in each folder above/,
    ],
    ['is a module of Node itself', { module: 'fs' }, /"fs", and it is not installed/],
    [
      'does not run',
      { text: 'throw new Error("no such library")' },
      /^BACKEND_INVALID: .*store\.mjs cannot be loaded: no such library/,
    ],
    [
      'lacks an export',
      { text: moduleText({ name: '', create: '' }) },
      /does not export name, create; it must export name/,
    ],
    ['has a create that is none', { text: moduleText({ create: '1' }) }, /exports create as 1/],
    ['has options that are none', { text: moduleText({ options: '[]' }) }, /exports options as \[\]/],
    [
      'has options that are no schema',
      { text: moduleText({ options: '{ type: "objekt" }' }) },
      /exports options that are no schema/,
    ],
    [
      'has a name that no section can have',
      { text: moduleText({ name: '"My Store"' }) },
      /exports the name "My Store"; allowed are a-z/,
    ],
    [
      'has a name of ours',
      { text: moduleText({ name: '"etcd"' }) },
      /exports the name "etcd", which belongs to kytos-settings/,
    ],
    [
      'is from the future',
      { text: moduleText({ contract: '2' }) },
      /keeps version 2 of the contract.*version 1\. Install a newer kytos-settings/,
    ],
    [
      'has a contract that is none',
      { text: moduleText({ contract: '"1"' }) },
      /version "1" of the contract.*Install a newer release of the backend/,
    ],
  ])('is refused when it %s', async (_, given, message) => {
    expect(await refusal(given)).toMatch(message)
  })

  it.each([
    ['nothing', 'undefined', METHODS],
    [
      'an object without methods',
      '{ open() {}, watch() {} }',
      METHODS.replace('open, ', '').replace('watch, ', ''),
    ],
  ])('is refused when create returns %s', async (_, returned, missing) => {
    const create = await loadBackend(await choose({ text: moduleText({ create: `() => (${returned})` }) }))
    expect(() => create(() => {})).toThrow(`returned an object without ${missing}.`)
  })

  it('is rejected when the result of create supports nothing', async () => {
    const create = await loadBackend(
      await choose({
        text: moduleText({
          create: `(options, context) => (${OBJECT.replace('supports: { entryBytes: 1 }, ', '')})`,
        }),
      }),
    )
    expect(() => create(() => {})).toThrow('returned an object without supports.')
  })

  it('is not loaded to read the configuration', async () => {
    await writeFile(join(folder, 'boom.mjs'), 'globalThis.boom = true\nthrow new Error("run")')
    await writeFile(join(folder, 'kytos.ini'), '[settings]\nbackend = ./boom.mjs\n[settings.boom]\nx = 1\n')
    const config = await loadConfig(join(folder, 'kytos.ini'), { isNamed: true })
    expect([config.settings.backend, config.other?.module, Object.hasOwn(globalThis, 'boom')]).toEqual([
      './boom.mjs',
      join(folder, 'boom.mjs'),
      false,
    ])
  })
})

describe('The options of a backend', () => {
  it('are read as kytos.ini is: texts as they are, paths from its folder, booleans as elsewhere, all else as JSON', async () => {
    expect(
      await optionsOf(
        'file = ../x.json\nuser = 12345\nFAST = Yes\nsize = 3\nhosts = ["a",\n  "b"]\nmode = b',
      ),
    ).toEqual({
      ...{
        file: join(folder, '../x.json'),
        user: '12345',
        fast: true,
        size: 3,
        hosts: ['a', 'b'],
        mode: 'b',
      },
    })
  })

  it('count as absent when they are empty and have no default', async () => {
    expect(await optionsOf('file = /x\nuser =')).toEqual({ file: '/x', size: 7 })
  })

  it('in [DEFAULT] for other sections do not count as its own', async () => {
    const choice = await choose({
      section: '[settings.my-store]\nfile = /x\n[DEFAULT]\nworkdir = /y\nuser = root',
    })
    expect(choice).toMatchObject({ options: { file: '/x', user: 'root' } })
  })

  it.each<[string, string, RegExp]>([
    [
      'an unknown key',
      'file = x\nfiel = y',
      /^CONFIG_INVALID: kytos\.ini:5: Unknown key "fiel" in \[settings\.my-store\]: did you mean "file"\? Allowed are file, user/,
    ],
    ['a missing key', '', /^CONFIG_INVALID: kytos\.ini: \[settings\.my-store\] "\/file" is required\./],
    ['no JSON', 'file = x\nhosts = a, b', /kytos\.ini:5: \[settings\.my-store\] hosts is not JSON/],
    ['no number', 'file = x\nsize = big', /kytos\.ini:5: \[settings\.my-store\] size is not a number/],
    [
      'no boolean',
      'file = x\nfast = maybe',
      /kytos\.ini:5: \[settings\.my-store\] fast is "maybe": expected one of true/,
    ],
    [
      'a value that the schema refuses',
      'file = x\nsize = 0',
      /kytos\.ini:5: \[settings\.my-store\] "\/size" must be at least 1, not 0\./,
    ],
    [
      'an empty key with a default',
      'file = x\nsize =',
      /size is empty: set a value, or remove the line for its default, 7\./,
    ],
    ['a bare percent sign', 'file = a%b', /kytos\.ini:4: \[settings\.my-store\] "file": "%b"/],
    [
      'a section of another name',
      'file = x\n[settings.mystore]\nfile = x',
      /Unknown section \[settings\.mystore\]: did you mean "settings\.my-store"/,
    ],
    [
      'a section that is misspelt',
      'file = x\n[setings.x]\nfile = x',
      /Unknown section \[setings\.x\]: did you mean "settings"\?/,
    ],
  ])('are refused for %s', async (_, section, message) => {
    expect(await refusal({ section: `[settings.my-store]\n${section}` })).toMatch(message)
  })

  it('are never printed where the schema calls them sensitive', async () => {
    expect(await refusal({ section: '[settings.my-store]\nfile = x\nsecret = zz' })).toMatch(
      /"\/secret" does not keep the rule "minLength"/,
    )
    expect(nameStore(await choose({ section: '[settings.my-store]\nfile = x\nsecret = hush' }))).toBe(
      `my-store {"file":"${folder}/x","size":7}`,
    )
  })

  it('name their store, and never two stores alike', async () => {
    const nameOf = async (file: string, user: string): Promise<string> =>
      nameStore(await choose({ section: `[settings.my-store]\nuser = ${user}\nfile = ${file}` }))
    const word = fc.stringMatching(/^\/[a-z]{3,9}$/)
    await fc.assert(
      fc.asyncProperty(word, word, word, word, async (file, user, otherFile, otherUser) => {
        const isSame = file === otherFile && user === otherUser
        expect((await nameOf(file, user)) === (await nameOf(otherFile, otherUser))).toBe(isSame)
      }),
      { numRuns: 20 },
    )
  })
})

describe('A configuration that no person named', () => {
  const UNNAMED: Given = { isNamed: false }

  it('is trusted when only this user and root may write it and the module', async () => {
    expect(await choose(UNNAMED)).toMatchObject({ backend: 'other' })
  })

  it.each([
    ...(process.getuid?.() === 0 ? ([['a group with other members', 0o664]] as const) : []),
    ['everybody', 0o646] as const,
  ])('is refused, and its code not run, when %s may write it', async (_, mode) => {
    await writeFile(join(folder, 'kytos.ini'), '')
    // The group of another user.
    if (process.getuid?.() === 0) await chown(join(folder, 'kytos.ini'), 0, 1)
    await chmod(join(folder, 'kytos.ini'), mode)
    const refused = await refusal({ ...UNNAMED, text: 'globalThis.ran = true' })
    expect(refused).toMatch(/^CONFIG_UNTRUSTED: kytos\.ini, which was found and not named, is not used/)
    expect(refused).toContain(`kytos.ini may be written by others (mode 0${mode.toString(8)}).`)
    expect(refused).toContain('run "chmod go-w kytos.ini", or name the file: -c kytos.ini.')
    expect(Object.hasOwn(globalThis, 'ran')).toBe(false)
    expect(await choose({ isNamed: true })).toMatchObject({ backend: 'other' })
  })

  it('is refused when others may write the module', async () => {
    const file = join(folder, 'open.mjs')
    await writeFile(file, SOUND)
    await chmod(file, 0o666)
    expect(await refusal({ ...UNNAMED, module: './open.mjs' })).toContain(
      'open.mjs may be written by others (mode 0666)',
    )
  })

  it('is refused when others may write a folder above, unless its sticky bit keeps them from replacing files', async () => {
    await chmod(folder, 0o777)
    expect(await refusal(UNNAMED)).toContain('may be written by others (mode 0777)')
    await chmod(folder, 0o1777)
    expect(await choose(UNNAMED)).toMatchObject({ backend: 'other' })
  })

  it('is refused through a link into a folder of others', async () => {
    await mkdir(join(folder, 'theirs'))
    await writeFile(join(folder, 'theirs/real.mjs'), SOUND)
    await chmod(join(folder, 'theirs'), 0o777)
    await symlink(join(folder, 'theirs/real.mjs'), join(folder, 'store.mjs'))
    expect(await refusal({ ...UNNAMED, module: './store.mjs' })).toContain(
      'theirs may be written by others (mode 0777)',
    )
  })

  it.runIf(process.getuid?.() === 0)(
    'is refused when it, a folder above it or a link belongs to another user',
    async () => {
      const { chown, lchown } = await import('node:fs/promises')
      const file = join(folder, 'a/file')
      await mkdir(join(folder, 'a'))
      await writeFile(file, '')
      expect(await findDistrust(file)).toBeUndefined()
      await chown(join(folder, 'a'), 1234, 1234)
      expect(await findDistrust(file)).toEqual({
        reason: `${folder}/a belongs to user 1234`,
        repair: `chown 0 ${folder}/a`,
      })
      await chown(join(folder, 'a'), 0, 0)
      await link(file, join(folder, 'twin'))
      await symlink(file, join(folder, 'link'))
      await lchown(join(folder, 'link'), 1234, 1234)
      expect(await findDistrust(join(folder, 'twin'))).toBeUndefined()
      expect(await findDistrust(join(folder, 'link'))).toMatchObject({
        reason: `${folder}/link belongs to user 1234`,
      })
    },
  )
})
