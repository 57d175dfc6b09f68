import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { findSettingModes } from '../../../src/import/apply/apply-modes.ts'
import { readNAppsFolder } from '../../../src/import/apply/napp-folder.ts'

const folders: string[] = []
afterEach(async () => {
  await Promise.all(folders.splice(0).map(folder => rm(folder, { recursive: true })))
})

/** A folder of NApps from the texts of their files. */
async function nappsFolder(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'napps-'))
  folders.push(folder)
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, dirname(path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

/** The modes of the setting `X` and others of the NApp `me/sample`, as `name apply way place`. */
async function modesOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const own = { 'settings.py': 'X = 1\n', ...files }
  const paths = Object.entries(own).map(([path, text]) => [path.replace(/^(?!you\/)/, 'me/sample/'), text])
  const modes = findSettingModes(await readNAppsFolder(await nappsFolder(Object.fromEntries(paths))))
  return modes
    .filter(({ namespace }) => namespace === 'me/sample')
    .map(({ name, apply, way, decides }) => [name, apply, way, ...(decides ? [decides] : [])].join(' '))
}

/** The only mode, when main.py has this body of the class of the NApp. */
async function modeIn(body: string, head = 'from napps.me.sample import settings'): Promise<string> {
  const lines = body.split('\n').map(line => `    ${line}`)
  const [mode = ''] = await modesOf({ 'main.py': `${head}\nclass Main(KytosNApp):\n${lines.join('\n')}\n` })
  return mode.replace(/^X /, '').replace(/ main\.py:\d+$/, '')
}

const handler = (statement: string): string =>
  `@listen_to("kytos/topology.updated")\ndef handle(self, event):\n    ${statement}`

describe('a setting is live', () => {
  it.each([
    ['read in a handler', handler('self.send(settings.X)')],
    ['in a condition', handler('if settings.X > 2: return')],
    ['kept in a local variable only', handler('a = settings.X\n    self.send(a)')],
    [
      'put into a container that the function made',
      handler('flow = {}\n    flow["p"] = settings.X\n    self.send(flow)'),
    ],
    ['by getattr with its name', handler('self.send(getattr(settings, "X", 3))')],
    ['in a formatted text', handler('self.send(f"{settings.X}/flows")')],
    [
      'returned to a handler that uses it',
      `def limit(self):\n    return settings.X\n${handler('self.send(self.limit())')}`,
    ],
    ['in an endless loop', 'def execute(self):\n    while True:\n        sleep(settings.X)'],
    [
      'in a parameter that stands for the module',
      `def __init__(self, other=settings):\n    self.settings = other\n${handler('self.send(self.settings.X)')}`,
    ],
    [
      'in a callback that setup hands over, though setup calls it too',
      'def setup(self):\n    self.poll()\n    self.timer.every(self.poll)\ndef poll(self):\n    self.send(settings.X)',
    ],
    [
      'in execute, which a loop calls',
      'def setup(self):\n    self.execute_as_loop(1)\ndef execute(self):\n    self.send(settings.X)',
    ],
  ])('%s', async (_, body) => {
    expect(await modeIn(body)).toBe('live attribute')
  })

  it.each([
    ['from napps.me.sample.settings import X', 'X'],
    ['from .settings import (A, X)', 'X'],
    ['from napps.me.sample.settings import *', 'X'],
  ])('imported by name: %s', async (head, name) => {
    expect(await modeIn(handler(`self.send(${name})`), head)).toBe('live importers')
  })

  it.each(['import napps.me.sample.settings', 'import napps.me.sample.settings as q'])(
    'by %s',
    async head => {
      const module = head.split(' as ')[1] ?? 'napps.me.sample.settings'
      expect(await modeIn(handler(`self.send(${module}.X)`), head)).toBe('live attribute')
    },
  )
})

describe('a setting needs a reload', () => {
  it.each([
    ['the interval of execute_as_loop', 'def setup(self):\n    self.execute_as_loop(settings.X)', 'loop'],
    ['kept in setup', 'def setup(self):\n    self.x = settings.X', 'captured'],
    ['decides what setup does', 'def setup(self):\n    if settings.X: self.begin()', 'captured'],
    [
      'read by a function that only setup calls',
      'def setup(self):\n    self.load()\ndef load(self):\n    self.send(settings.X)',
      'captured',
    ],
    [
      'read by a thread before its loop',
      'def setup(self):\n    Thread(target=self.run).start()\ndef run(self):\n    self.send(settings.X)',
      'captured',
    ],
    ['read by execute, which runs once', 'def execute(self):\n    self.send(settings.X)', 'captured'],
    ['in a cached function', '@lru_cache()\ndef limit(self):\n    return settings.X', 'captured'],
    [
      'in a property that setup reads',
      '@property\ndef limit(self):\n    return settings.X\ndef setup(self):\n    self.x = self.limit',
      'captured',
    ],
    ['kept by a handler', handler('self.x = settings.X'), 'stored'],
    ['appended by a handler', handler('self.all.append(settings.X)'), 'stored'],
    ['kept by way of a variable', handler('a = settings.X + 1\n    self.x = a'), 'stored'],
    [
      'kept by way of a function',
      `def limit(self):\n    return settings.X\n${handler('self.x = self.limit()')}`,
      'stored',
    ],
    ['a class attribute', 'x = settings.X', 'class'],
    ['a default argument', 'def f(self, x=settings.X): pass', 'default'],
    ['in a decorator', '@listen_to(settings.X)\ndef f(self, event): pass', 'decorator'],
  ])('%s', async (_, body, way) => {
    expect(await modeIn(body)).toBe(`reload ${way}`)
  })
})

it.each([12, 200])('kept by way of %i functions, one after the other, is not live', async count => {
  const chain = Array.from({ length: count }, (_, i) => `def f${i + 1}():\n    return f${i}()\n`)
  const last = `class Main(KytosNApp):\n    @rest("a")\n    def get(self, request):\n        self.x = f${count}()\n`
  const text = `from . import settings\ndef f0():\n    return settings.X\n${chain.join('')}${last}`
  const [mode] = await modesOf({ 'main.py': text })
  expect(mode).toMatch(count === 12 ? /^X reload stored/ : /^X restart dynamic/)
})

it('imported by another name is live nowhere: only modules that use its own name are changed', async () => {
  const text = 'from .settings import X as Y\ndef f():\n    return Y\n'
  expect(await modesOf({ 'main.py': text })).toEqual(['X reload importers main.py:3'])
  expect(await modesOf({ 'utils.py': text })).toEqual(['X restart importers utils.py:3'])
})

describe('a setting needs a restart', () => {
  it.each([
    ['kept in an object of the controller', handler('event.source.x = settings.X'), 'stored'],
    ['assigned by the NApp', handler('settings.X = 2'), 'assigned'],
    ['assigned by setattr', handler('setattr(settings, "X", 2)'), 'assigned'],
    ['of a module that is handed on', handler('self.send(settings)'), 'dynamic'],
    ['of a module that is read by computed names', handler('getattr(settings, event.name)'), 'dynamic'],
    ['never read', 'pass', 'unused'],
  ])('%s', async (_, body, way) => {
    expect(await modeIn(body)).toBe(`restart ${way}`)
  })

  it('evaluated while another file than main.py is imported', async () => {
    const text = 'from napps.me.sample.settings import X\nLIMIT = X * 2\n'
    expect(await modesOf({ 'models/path.py': text })).toEqual(['X restart module models/path.py:2'])
  })

  it('in a file that is no Python', async () => {
    expect(await modesOf({ 'main.py': 'class Main(:\n' })).toEqual(['X restart unread main.py'])
  })

  it('kept by another NApp', async () => {
    const text =
      'from napps.me.sample.settings import X\nclass Main:\n    def setup(self):\n        self.x = X\n'
    expect(
      await modesOf({
        'main.py': 'from . import settings\ndef f():\n    return settings.X\n',
        'you/other/settings.py': 'Y = 1\n',
        'you/other/main.py': text,
      }),
    ).toEqual(['X restart other you/other main.py:4'])
  })
})

it('takes the use that needs most, and the settings that are made of others', async () => {
  expect(
    await modesOf({
      'settings.py': 'BASE = "a"\nURL = BASE + "/b"\nHALF = 1\nALONE = 2\nTWICE = ALONE * 2\n',
      'main.py': [
        'from . import settings',
        'class Main(KytosNApp):',
        '    def setup(self):',
        '        self.half = settings.HALF',
        '        self.url = settings.URL',
        '    @rest("v1/a")',
        '    def get(self, request):',
        '        return settings.HALF + settings.TWICE',
      ].join('\n'),
      'tests/test_main.py': 'from napps.me.sample import settings\nsettings.ALONE = 3\n',
    }),
  ).toEqual([
    'BASE reload derived settings.py:2',
    'URL reload captured main.py:5',
    'HALF reload captured main.py:4',
    'ALONE reload derived settings.py:5',
    'TWICE live attribute main.py:8',
  ])
})

describe('a folder of NApps', () => {
  it('has enabled NApps by symbolic links, and none of .installed twice', async () => {
    const folder = await nappsFolder({
      '.installed/me/a/settings.py': 'X = 1\n',
      'me/b/settings.py': 'Y = 1\n',
    })
    await symlink(join(folder, '.installed/me/a'), join(folder, 'me/a'))
    expect((await readNAppsFolder(folder)).map(({ namespace }) => namespace)).toEqual(['me/a', 'me/b'])
  })

  it('is refused without a NApp, and when it cannot be read', async () => {
    const empty = await nappsFolder({ 'README.md': '' })
    await expect(readNAppsFolder(empty)).rejects.toMatchObject({ code: 'CONTENT_MALFORMED' })
    await expect(readNAppsFolder(join(empty, 'absent'))).rejects.toMatchObject({ code: 'CONFIG_ABSENT' })
  })
})
