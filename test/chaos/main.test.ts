import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { describe, expect, it, type TestContext } from 'vitest'
import { plant } from './mutants.ts'

type Edit = Parameters<typeof plant>[0]['edits'][number]

/** Arguments of one short round on a folder. */
const SHORT = ['--backend', 'filesystem', '--kind', 'kills', '--seed', '1', '--rounds', '1', '--seconds', '1']
const ENDLESS = [...SHORT.slice(0, -1), '600']

/** The end of a planted part of a run, which keeps the process alive for good. */
const HANG = 'await new Promise(() => setInterval(() => {}, 1_000))'

/**
 * How a run ended; `signal` is sent once it has begun its round. The hook is the test's own: of tests that
 * run at once another's may be meant.
 */
async function chaos(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  edits: readonly Edit[],
  args: readonly string[],
  signal?: NodeJS.Signals,
): Promise<{ code: number; output: string }> {
  const cwd = await plant({ name: 'main', edits })
  onTestFinished(() => rm(cwd, { recursive: true, force: true }))
  return new Promise(resolve => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', 'test/chaos/main.ts', ...args],
      { cwd },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    if (signal)
      child.stdout?.on('data', text => String(text).includes('planted: begun') && child.kill(signal))
  })
}

/** Prints that the first fault is about to strike, and then does this. */
function atFirstFault(code: string): Edit {
  return {
    file: 'test/chaos/round.ts',
    from: '    onFault?.(fault.name)\n',
    to: `    onFault?.(fault.name)\n    if (n === 0) {\n      console.log('planted: begun')\n      ${code}\n    }\n`,
  }
}

const TABLE = /\nstage +rounds +faults[\s\S]*\nfaults: [\s\S]*\nverdict: /

describe.concurrent('A chaos run ends with table, verdict and exit code', { timeout: 180_000 }, () => {
  it('after a sound round that left something behind which keeps its process alive', async context => {
    const { code, output } = await chaos(context, [atFirstFault('setInterval(() => {}, 1_000)')], SHORT)
    expect(output).toMatch(TABLE)
    expect(output).toContain('verdict: ok, 1 round judged')
    expect(code).toBe(0)
  })

  it('when a step of a round hangs', async context => {
    const limit = { file: 'test/chaos/round.ts', from: '  calm: 180_000,', to: '  calm: 1_000,' }
    const hang = {
      file: 'test/chaos/filesystem/stage.ts',
      from: 'calm: () => becomeCalm(controller, cast),',
      to: `calm: async () => { ${HANG} },`,
    }
    const { code, output } = await chaos(context, [limit, hang], SHORT)
    expect(output).toContain('the calm after the faults did not end within 1 s')
    expect(output).toMatch(/what was seen until then: .*round-so-far\.json/)
    expect(output).toMatch(TABLE)
    expect(output).toContain('verdict: not ok, 0 rounds judged, 0 of them wrong; 1 did not get to their end')
    expect(code).toBe(1)
  })

  it('when an error arises that nothing waits for', async context => {
    const { code, output } = await chaos(
      context,
      [atFirstFault("setTimeout(() => Promise.reject(new Error('planted: stray')), 1)")],
      ENDLESS,
    )
    expect(output).toContain('planted: stray')
    expect(output).toMatch(TABLE)
    expect(output).toContain('1 did not get to their end')
    expect(code).toBe(1)
  })

  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`after ${signal}, and says that it was stopped`, async context => {
      const { code, output } = await chaos(context, [atFirstFault('')], ENDLESS, signal)
      expect(output).toMatch(TABLE)
      expect(output).toContain(`verdict: ok, 0 rounds judged, stopped by ${signal}`)
      expect(code).toBe(expected)
    })
  }
})
