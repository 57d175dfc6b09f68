import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { MUTANTS, type Mutant, plant } from './mutants.ts'

const SECONDS = 8
const ROUNDS = 3

let folder: string | undefined

afterEach(async () => {
  if (folder) await rm(folder, { recursive: true, force: true })
  folder = undefined
})

describe('A chaos run', () => {
  it.each(MUTANTS)('finds the mutant $name', { timeout: 180_000 }, async mutant => {
    folder = await plant(mutant)
    const { code, output } = await chaos(folder, mutant)
    expect(output).toMatch(mutant.says)
    expect(code).toBe(1)
  })
})

function chaos(
  cwd: string,
  { backend, kind, faults, seconds = SECONDS }: Mutant,
): Promise<{ code: number; output: string }> {
  const args = [
    '--import',
    'tsx',
    'test/chaos/main.ts',
    '--backend',
    backend,
    '--kind',
    kind,
    '--faults',
    faults,
  ]
  const limits = ['--seed', '1', '--bail', '--rounds', String(ROUNDS), '--seconds', String(seconds)]
  return new Promise(resolve => {
    const child = execFile(
      process.execPath,
      [...args, ...limits],
      { cwd, maxBuffer: 64 * 1024 * 1024 },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    )
  })
}
