import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { openCliStage } from './cli-stage.ts'

const NAPP = 'napps/kytos/example/settings.py'
const FILES = [NAPP, 'settings.json', 'boxes']

it.each(['with a running service', 'without one'])(
  'a dry run tells what an import then does, %s',
  async service => {
    const stage = await openCliStage('filesystem')
    onTestFinished(() => stage.close())
    const { cwd } = stage
    await mkdir(join(cwd, 'napps/kytos/example'), { recursive: true })
    const write = (text: string) => writeFile(join(cwd, NAPP), text)
    execFileSync('python3', [fileURLToPath(new URL('import-agree.py', import.meta.url)), join(cwd, 'boxes')])
    await writeFile(
      join(cwd, 'settings.json'),
      '{"kytos/json": {"__proto__": {"a": 1}, "x": {"__proto__": {"b": 2}}, "": 1}, "kytos/__proto__": {"a": 1}, "kytos/example": {"NUMBER": "text", "OTHER": 5}}',
    )
    await write('A = {"p": {"x": 1}}\nNUMBER = 1\nOTHER = 2\nT = (1, 2)\n')
    if (service === 'with a running service') await stage.start()
    expect((await stage.run(['import', NAPP])).stdout).toMatch(/^4 new/m)
    await write(
      'A = {"p": {}}\nP = {"__proto__": {"y": 1}}\nNUMBER = "text"\nOTHER = 3\nT = [1, 2.0]\nNEW = -0.0\n',
    )
    const trial = await stage.run(['import', '--dry-run', ...FILES])
    const done = await stage.run(['import', ...FILES])
    expect(trial.exit).toBe(done.exit)
    const lines = (text: string): string[] => text.trimEnd().split('\n')
    const last = lines(done.stdout).at(-1)
    expect(lines(trial.stdout).slice(0, -1)).toEqual(lines(done.stdout).slice(0, -1))
    expect(lines(trial.stdout).at(-1)).toBe(`Planned: ${last} Nothing was written.`)
    expect(done.stdout).toMatch(/changed +kytos\/example T .*its Python type changed/)
    expect(done.stdout).toMatch(/skipped +boxes back\\slash .*Invalid "box_id"/)
    const again = await stage.run(['import', ...FILES])
    expect(lines(again.stdout).at(-1)).toMatch(/^0 new, 0 changed/)
    expect(JSON.parse((await stage.run(['get', 'kytos/example', 'A'])).stdout)).toEqual({ p: {} })
  },
  120_000,
)
