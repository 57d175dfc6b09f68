import { execFile } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { startEtcd } from '../support/etcd.ts'

const MAIN = join(packageRoot(), 'dist/src/main.js')

interface Ended {
  readonly exit: number
  readonly stderr: string
}

/** Runs a line of a shell in which `kytos-settings` is the built command line. */
function shell(cwd: string, line: string): Promise<Ended> {
  const script = `kytos-settings() { "${process.execPath}" "${MAIN}" "$@"; }\n${line}`
  return new Promise(resolve =>
    execFile(
      'bash',
      ['--norc', '-c', script],
      { cwd, env: { PATH: process.env.PATH } },
      (error, _stdout, stderr) => resolve({ exit: error ? Number(error.code) : 0, stderr }),
    ),
  )
}

async function folderWith(ini: string): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'kytos-outputs-'))
  await writeFile(join(cwd, 'kytos.ini'), ini)
  return cwd
}

const FILES = '[daemon]\nnapps_pre_installed = []\n[settings]\nport = 1\ncontroller = c1\n'

describe('an output that is full', () => {
  it.each(['export', '--help'])('ends %s with one sentence', async line => {
    const cwd = await folderWith(FILES)
    await shell(cwd, 'kytos-settings set kytos/x a=1 --new')
    const { exit, stderr } = await shell(cwd, `kytos-settings ${line} > /dev/full`)
    expect(exit).toBe(1)
    expect(stderr.replace(/^kytos-settings: No service is running.*\n/, '')).toMatch(
      /^kytos-settings: The output cannot be written: ENOSPC: [^\n]+\.\n$/,
    )
  })

  it('is no failure when its reader has read enough', async () => {
    const cwd = await folderWith(FILES)
    const { exit, stderr } = await shell(cwd, 'set -o pipefail; kytos-settings --help | head -1')
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
  })
})

describe('an etcd with TLS at an address', () => {
  it('causes no warning of Node', async () => {
    const etcd = await startEtcd({ tls: {} })
    const cwd = await folderWith(
      `${FILES}backend = etcd\n[settings.etcd]\nendpoints = ${JSON.stringify(etcd.endpoints)}\nca = ca.pem\n`,
    )
    await writeFile(join(cwd, 'ca.pem'), etcd.certificates?.ca ?? '')
    const { exit, stderr } = await shell(cwd, 'kytos-settings list')
    await etcd.stop()
    expect(exit).toBe(0)
    expect(stderr).not.toContain('DEP0123')
  })
})
