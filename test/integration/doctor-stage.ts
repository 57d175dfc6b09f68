import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { isBuilt } from '../../scripts/prepare.mjs'
import type { Examination, Finding } from '../../src/doctor/finding.ts'
import type { FindingCode } from '../../src/doctor/findings.ts'
import { packageRoot } from '../../src/host/package-root.ts'
import { runIn } from '../unit/cli/cli-world.ts'

const run = promisify(execFile)

/** A user without the permissions of root; undefined where this process is not root. */
export const NOBODY = process.getuid?.() === 0 ? 65_534 : undefined

/** The report of the doctor about a kytos.ini, and its exit code. */
export async function doctor(cwd: string, ini: string) {
  const { exit, stdout } = await runIn(cwd, ['doctor', '-c', ini, '--json'])
  const said: {
    readonly healthy: boolean
    readonly findings: readonly Finding[]
    readonly unknown: readonly string[]
  } = JSON.parse(stdout)
  expect(said.healthy).toBe(exit === 0)
  return { exit, ...said, ...sortedOut(said.findings.filter(one => !isFurnished(one))) }
}

/** True for what holds for all furnished stores: neither their NApps nor the controller c-9 exist. */
function isFurnished({ code, where }: Finding): boolean {
  return code === 'controller.unseen'
    ? where === 'c-9'
    : code === 'napp.not_loaded' && /napp_\d+$/.test(where)
}

/**
 * The same report, as a user without the permissions of root. All code is loaded first, because that user may
 * not be able to read the files of this package.
 */
export async function doctorAsNobody(ini: string) {
  if (!isBuilt()) throw new Error('The build is older than its sources: npm run build.')
  const script = `
    const [module, ini, uid] = process.argv.slice(1)
    const { examine } = await import(module)
    if (uid) { process.setgroups([]); process.setgid(Number(uid)); process.setuid(Number(uid)) }
    process.stdout.write(JSON.stringify(await examine(ini, { cwd: '/', env: {} })))`
  const module = join(packageRoot(), 'dist/src/doctor/examine.js')
  const { stdout } = await run(process.execPath, [
    '--input-type=module',
    '-e',
    script,
    module,
    ini,
    ...(NOBODY ? [String(NOBODY)] : []),
  ])
  const parts: readonly Examination[] = JSON.parse(stdout)
  const unknown = parts.flatMap(({ unknown = [] }) => unknown)
  return { unknown, ...sortedOut(parts.flatMap(({ findings }) => findings).filter(one => !isFurnished(one))) }
}

function sortedOut(findings: readonly Finding[]) {
  for (const { repair, what } of findings) {
    expect(repair).not.toBe('')
    expect(what).not.toBe('')
  }
  const codes = (severity: string): string[] =>
    findings.filter(finding => finding.severity === severity).map(({ code }) => code)
  const find = (code: FindingCode): Finding => {
    const found = findings.find(finding => finding.code === code)
    if (!found) throw new Error(`${code} was not found, but ${JSON.stringify(findings, undefined, 2)}`)
    return found
  }
  return {
    findings,
    broken: codes('broken'),
    warnings: codes('warning'),
    hints: codes('hint'),
    codes: findings.map(({ code }) => code),
    find,
  }
}

/** Runs a repair unchanged, except for the placeholders that an operator fills in; returns its output. */
export async function runRepair(
  cwd: string,
  { repair }: Finding,
  filled: Readonly<Record<string, string>> = {},
  editor = 'true',
): Promise<string> {
  if (!isBuilt()) throw new Error('The build is older than its sources: npm run build.')
  const command = Object.entries(filled).reduce((text, [blank, value]) => {
    expect(text).toContain(blank)
    return text.replaceAll(blank, value)
  }, repair)
  const main = join(packageRoot(), 'dist/src/main.js')
  // Who runs tests may do all that is to be done, or has no sudo to ask.
  const shell = `set -e\nsudo() { "$@"; }\nkytos-settings() { "${process.execPath}" "${main}" "$@"; }\n${command}`
  const { stdout, stderr } = await run('bash', ['-c', shell], {
    cwd,
    env: { ...process.env, EDITOR: editor, VISUAL: '' },
  })
  return stdout + stderr
}

/** The log that the store of a folder writes. */
export async function lastLog(cwd: string, store: string): Promise<string> {
  const folder = join(cwd, store, 'journal')
  const logs = (await readdir(folder)).filter(name => name.endsWith('.log')).sort()
  return join(folder, logs.at(-1) ?? '')
}
