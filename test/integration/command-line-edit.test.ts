import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseJson } from '../../model/json.ts'
import { type CliStage, openCliStage, read } from './cli-stage.ts'

const NAPP = 'kytos/link_discovery'
const overridesOf = async (stage: CliStage) =>
  (parseJson((await stage.run(['get', NAPP, '--json'])).stdout) as { overrides: unknown }).overrides
/** Rounds of an editor: each keeps the page that it was given, then runs its line. */
const rounds = (...lines: readonly string[]): string =>
  `n=$(($(cat round 2>/dev/null || echo 0) + 1)); echo $n > round; cp "$1" page$n\ncase $n in\n${lines.map((line, i) => `${i + 1}) ${line} ;;`).join('\n')}\n*) exit 9 ;;\nesac`
/** The message with the place of the kept text. */
const KEPT = /Your text is kept in (\S+\.jsonc)/

describe.each(['filesystem', 'etcd'] as const)('edit on %s', backend => {
  let stage: CliStage
  beforeAll(async () => {
    stage = await openCliStage(backend)
    await stage.start()
  })
  afterAll(() => stage.close())
  beforeEach(async () => {
    expect((await stage.run(['set', NAPP, 'polling_time=5', 'flow_cookie=12321848580485677057'])).exit).toBe(
      0,
    )
    await writeFile(join(stage.cwd, 'round'), '0')
  })

  it('reopens until the text is JSON, validates, and is based on the stored revision', async () => {
    const editor = await stage.editor(
      rounds(
        `[ -t 0 ] && sed -i 's/"polling_time": 5/"polling_time": fast/' "$1"`,
        `sed -i 's/fast/6, "poling": 1/' "$1"`,
        `sed -i 's/6, "poling": 1/6/' "$1"; kytos-settings set ${NAPP} polling_time=7 --comment mine > set.txt`,
        `sed -i '/delete this line/d' "$1"`,
      ),
    )
    const terminal = stage.terminal(['edit', NAPP, '--comment', 'by hand'], { EDITOR: editor })
    expect(await terminal.ended, terminal.shown()).toBe(0)
    expect(await overridesOf(stage)).toEqual({ polling_time: 6, flow_cookie: 12321848580485677057n })
    expect((await stage.run(['history', NAPP, '--limit', '1'])).stdout).toMatch(
      /polling_time 7 -> 6 +by hand$/m,
    )
    const pages = await Promise.all([1, 2, 3, 4].map(n => read(stage, `page${n}`)))
    expect(pages[0]).toMatch(/^\/\/ Overrides of kytos\/link_discovery, scope cluster/)
    expect(pages[0]).toContain(
      '// polling_time: number >= 0.1 <= 86400, default 3, applies live\n//     Seconds between two rounds',
    )
    expect(pages[0]).toMatch(/\n\{\n {2}"polling_time": 5,\n {2}"flow_cookie": 12321848580485677057\n\}\n$/)
    expect(pages[1]).toMatch(
      /^\/\/ NOT STORED.*\n\/\/ {3}Not JSON: unexpected "f", here:\n\/\/ {5}"polling_time": fast,\n\/\/ {21}\^\n/,
    )
    expect(pages[2]).toMatch(/^\/\/ NOT STORED.*\n\/\/ {3}"\/poling" is not a known setting/)
    expect(pages[3]).toMatch(
      /^\/\/ NOT STORED: local-admin changed kytos\/link_discovery meanwhile \(version \d+, "mine"\):\n\/\/ {3}polling_time 5 -> 7\n/,
    )
    expect(pages[3]).toContain('//     "polling_time": 7,\n')
    expect(pages[3]).toContain('\n  "polling_time": 6,\n')
  })
})

describe('edit', () => {
  let stage: CliStage
  beforeAll(async () => {
    stage = await openCliStage('filesystem')
    await stage.start()
  })
  afterAll(() => stage.close())

  it('stores nothing, and leaves no file, when nothing was changed or all was deleted', async () => {
    const looking = await stage.editor(`echo "$1" > where; printf '\\n// a remark\\n' >> "$1"`)
    const looked = await stage.run(['edit', NAPP], { EDITOR: looking })
    expect(looked).toEqual({
      exit: 0,
      stdout: '',
      stderr: 'kytos-settings: No change: nothing was stored.\n',
    })
    await expect(access((await read(stage, 'where')).trim())).rejects.toMatchObject({ code: 'ENOENT' })
    const deleted = await stage.run(['edit', NAPP], { EDITOR: 'rm' })
    expect(deleted).toMatchObject({ exit: 0, stderr: expect.stringContaining('No change') })
    expect(await stage.run(['history', NAPP])).toMatchObject({
      stdout: `${NAPP} has no changes in this scope yet.\n`,
    })
  })

  it('stores the text also after other changes of the namespace, and with an editor command that has arguments', async () => {
    const editor = await stage.editor(
      `test "$1" = -x; sed -i 's/^{}/{"polling_time": 4}/' "$2"; kytos-settings set ${NAPP} polling_time=9 --scope controller > set.txt`,
    )
    const edited = await stage.run(['edit', NAPP, '--json'], { EDITOR: `${editor} -x` })
    expect(edited.exit, edited.stderr).toBe(0)
    expect(parseJson(edited.stdout)).toMatchObject({
      overrides: { polling_time: 4 },
      data: { polling_time: 9 },
      shadowed: ['/polling_time'],
    })
  })

  it('leaves Ctrl-C to the editor, and the typed text unreadable for other users', async () => {
    const editor = await stage.editor(
      `trap 'caught=1' INT; stat -c %a "$1" > mode; echo begun; while [ -z "$caught" ]; do read line || :; done; sed -i 's/: 4/: 3.5/' "$1"`,
    )
    const terminal = stage.terminal(['edit', NAPP], { EDITOR: editor })
    await terminal.shows(/begun/)
    terminal.type('\x03')
    expect(await terminal.ended, terminal.shown()).toBe(0)
    expect(await overridesOf(stage)).toEqual({ polling_time: 3.5 })
    expect(await read(stage, 'mode')).toBe('600\n')
  })

  it('reports an unknown NApp before the editor opens', async () => {
    expect(await stage.run(['edit', 'kytos/nothing'], { EDITOR: 'touch typed' })).toMatchObject({
      exit: 3,
      stderr: expect.not.stringMatching(KEPT),
    })
    expect(await stage.run(['edit', NAPP], { EDITOR: 'no-such-editor' })).toMatchObject({
      exit: 1,
      stderr: expect.not.stringMatching(KEPT),
    })
  })

  it('keeps the typed text when the operator cancels, the editor fails, or the store rejects it', async () => {
    expect((await stage.run(['set', NAPP, 'polling_time=5'])).exit).toBe(0)
    await writeFile(join(stage.cwd, 'round'), '0')
    const invalid = await stage.editor(rounds(`sed -i 's/"polling_time": 5/"polling_time": 0/' "$1"`, ':'))
    const gaveUp = await stage.run(['edit', NAPP], { EDITOR: invalid })
    expect(gaveUp).toMatchObject({
      exit: 4,
      stdout: '',
      stderr: expect.stringMatching(/must be at least 0\.1, not 0\. Your text is kept/),
    })
    expect(
      await read(stage, '.'.concat(gaveUp.stderr.match(KEPT)?.[1]?.slice(stage.cwd.length) ?? '/absent')),
    ).toContain('"polling_time": 0')

    const failing = await stage.editor(`sed -i 's/"polling_time": 5/"polling_time": 8/' "$1"; exit 3`)
    const failed = await stage.run(['edit', NAPP], { VISUAL: failing, EDITOR: 'false' })
    expect(failed).toMatchObject({
      exit: 1,
      stderr: expect.stringMatching(/exited with 3: nothing was stored\. Your text is kept/),
    })
    expect(
      await read(stage, '.'.concat(failed.stderr.match(KEPT)?.[1]?.slice(stage.cwd.length) ?? '/absent')),
    ).toContain('"polling_time": 8')

    const conflicting = await stage.editor(
      rounds(
        `sed -i 's/"polling_time": 5/"polling_time": 8/' "$1"; kytos-settings set ${NAPP} polling_time=7 > set.txt`,
        ': > "$1"',
      ),
    )
    await writeFile(join(stage.cwd, 'round'), '0')
    const emptied = await stage.run(['edit', NAPP], { EDITOR: conflicting })
    expect(emptied).toMatchObject({ exit: 5, stderr: expect.stringMatching(KEPT) })
    expect(
      await read(stage, '.'.concat(emptied.stderr.match(KEPT)?.[1]?.slice(stage.cwd.length) ?? '/absent')),
    ).toContain('"polling_time": 8')
    expect(await overridesOf(stage)).toMatchObject({ polling_time: 7 })
  })
})
