import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { enabled, writeFiles } from '../unit/host/napps-tree.ts'
import { freshFolder, kytosSettings } from './host-process.ts'

const START_TIMEOUT_MS = 30_000

/** NApps that fail, each in its own way, and the place that the log names. */
const FAILURES: readonly {
  readonly name: string
  readonly main: string
  readonly files?: Readonly<Record<string, string>>
  readonly place: string
  readonly reason: string
}[] = [
  {
    name: 'syntax',
    main: 'export default () => ({\n  setup( {},\n})\n',
    place: 'main.mjs:3:1',
    reason: "Unexpected token '}'",
  },
  {
    name: 'inner_syntax',
    main: "import { a } from './lib/a.mjs'\nexport default () => a\n",
    files: {
      'lib/a.mjs': "export { b as a } from './b.mjs'\n",
      'lib/b.mjs': '// a comment\n\nexport const b = = 1\n',
    },
    place: 'lib/b.mjs:3:18',
    reason: "Unexpected token '='",
  },
  {
    name: 'export',
    main: "\nimport { nothing } from './lib.mjs'\nexport default () => nothing\n",
    files: { 'lib.mjs': 'export const a = 1\n' },
    place: 'main.mjs:2',
    reason: "does not provide an export named 'nothing'",
  },
  {
    name: 'file',
    main: "import 'node:fs'\nimport './gone.mjs'\nexport default () => {}\n",
    place: 'main.mjs:2',
    reason: 'Cannot find module',
  },
  {
    name: 'package',
    main: "import 'node:fs'\n\nimport _ from 'not-a-package'\nexport default () => _\n",
    place: 'main.mjs:3',
    reason: "Cannot find package 'not-a-package'",
  },
  {
    name: 'import',
    main: "import './lib.mjs'\nexport default () => {}\n",
    files: { 'lib.mjs': '\nnull.pointer\n' },
    place: 'lib.mjs:2:6',
    reason: 'Cannot read properties of null',
  },
  {
    name: 'common_js',
    main: "import './lib.cjs'\nexport default () => {}\n",
    files: { 'lib.cjs': 'exports.a = 1\nconst b = ;\n' },
    place: 'lib.cjs:2',
    reason: "Unexpected token ';'",
  },
  {
    name: 'setup',
    main: 'export default () => ({\n  async setup() {\n    await undefined\n    null.pointer\n  },\n})\n',
    place: 'main.mjs:4:10',
    reason: 'Cannot read properties of null',
  },
  {
    name: 'schema',
    main: "export default ({ openSettings }) => ({\n  async setup() {\n    await openSettings({ type: 'nummer' })\n  },\n})\n",
    place: 'main.mjs:3:11',
    reason: 'JSON Schema',
  },
]

describe('a NApp that fails to start', () => {
  it('is reported with the file and the line of the failure', async () => {
    const cwd = await freshFolder()
    const root = join(cwd, 'napps')
    for (const { name, main, files = {} } of FAILURES) await enabled(root, `a/${name}`, main, {}, files)
    await writeFiles(root, { 'a/manifest/napp.json': '{\n  "username": "a"\n  "name": "manifest"\n}' })
    const service = kytosSettings(cwd, 'start')
    await service.ready
    const lines = service.output().split('\n')
    for (const { name, place, reason } of FAILURES) {
      const line = lines.find(one => one.includes(`a/${name} failed to start: `))
      expect.soft(line).toContain(reason)
      expect.soft(line).toContain(`(${join(root, '.installed/a', name, place)}). It is retried`)
    }
    expect(service.output()).toMatch(/a\/manifest\/napp\.json is invalid: Not JSON: .* at line 3, column 3\./)
  })
})

/** A version of two NApps, one of ES modules and one of CommonJS, whose files all contain its name. */
async function writeVersion(folder: string, version: string): Promise<void> {
  const main = { mjs: 'export default', cjs: 'module.exports =' }
  for (const [kind, assignment] of Object.entries(main)) {
    const inner =
      kind === 'mjs' ? "import has from './lib/one.mjs'" : "const { two: has } = require('./lib/two.cjs')"
    await writeFiles(join(folder, kind), {
      'napp.json': { username: 'me', name: kind, main: `main.${kind}` },
      [`main.${kind}`]: `${inner}\n${assignment} ({ log }) => ({ setup() { log.info('has ' + has) } })\n`,
      'lib/one.mjs': `import { createRequire } from 'node:module'
import { two } from './two.cjs'
import words from './words.mjs'
export default [words, two, createRequire(import.meta.url)('./two.cjs').two].join()
`,
      'lib/words.mjs': `export default '${version}'\n`,
      'lib/two.cjs': `exports.two = '${version}'\n`,
    })
  }
}

describe('a NApp that is installed again', () => {
  it('runs the new version of all of its files, and a failure of that version ends no other NApp', async () => {
    const cwd = await freshFolder()
    const install = async (options: readonly string[] = [], mjsExit = 0) => {
      for (const [kind, exit] of [
        ['mjs', mjsExit],
        ['cjs', 0],
      ] as const)
        expect(await kytosSettings(cwd, 'napps', 'install', `mine/${kind}`, ...options).ended).toBe(exit)
    }
    await writeVersion(join(cwd, 'mine'), 'first')
    await install()
    const service = kytosSettings(cwd, 'start')
    await service.ready
    const prints = (pattern: RegExp) =>
      expect.poll(service.output, { timeout: START_TIMEOUT_MS }).toMatch(pattern)
    expect(service.output()).toMatch(/me\/mjs: has first,first,first\n/)
    expect(service.output()).toMatch(/me\/cjs: has first\n/)
    await writeVersion(join(cwd, 'mine'), 'second')
    await install(['--force'])
    await prints(/me\/mjs: has second,second,second\n/)
    await prints(/me\/cjs: has second\n/)

    await writeFile(join(cwd, 'mine/mjs/lib/two.cjs'), 'exports.two = 1\nnull.pointer\n')
    await install(['--force'], 1)
    await prints(/me\/mjs failed to start.*lib\/two\.cjs:2:6\)/)
    await prints(/me\/cjs: has second\n(?:.*\n)*.*me\/cjs: has second\n/)
  })
})
