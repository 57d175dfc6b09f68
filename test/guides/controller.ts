import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isBuilt } from '../../scripts/prepare.mjs'
import { packageRoot } from '../../src/host/package-root.ts'
import { freePort } from '../support/etcd-process.ts'
import type { Host } from './page.ts'

const MAIN = join(packageRoot(), 'dist/src/main.js')

/** The host of a controller: its kytos.ini is in etc/kytos, and `kytos-settings` is on its PATH. */
export interface ControllerHost extends Host {
  readonly url: string
  start(): Promise<void>
  stop(signal?: NodeJS.Signals): Promise<void>
  log(): string
}

/** Makes the host in a new folder; `replace` are the replacements of the addresses of etcd. */
export async function openController(folder: string, replace: Host['replace']): Promise<ControllerHost> {
  if (!isBuilt()) throw new Error('The build is older than its sources: npm run build.')
  for (const below of ['bin', 'etc/kytos/etcd', 'var/lib/kytos', 'root'])
    await mkdir(join(folder, below), { recursive: true, mode: 0o700 })
  const bin = join(folder, 'bin', 'kytos-settings')
  await writeFile(bin, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`)
  await chmod(bin, 0o755)
  const port = await freePort()
  const env = { PATH: `${join(folder, 'bin')}:${process.env.PATH}`, HOME: folder }
  let service: ChildProcess | undefined
  let log = ''
  return {
    folder,
    env,
    url: `http://127.0.0.1:${port}`,
    replace: [
      [/(?<![\w.])\/(?=(?:etc|var|root)\/)/g, `${folder}/`],
      ['127.0.0.1:8181', `127.0.0.1:${port}`],
      ['api_port = 8181', `api_port = ${port}`],
      ...replace,
    ],
    async start() {
      const child = spawn(process.execPath, [MAIN, 'start', '-c', join(folder, 'etc/kytos/kytos.ini')], {
        cwd: join(folder, 'var/lib/kytos'),
        env: { ...process.env, ...env },
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      })
      service = child
      child.stderr?.on('data', chunk => (log += chunk))
      await new Promise<void>((resolve, reject) => {
        child.once('message', () => resolve())
        child.once('exit', code => reject(new Error(`The service ended with ${code}: ${log}`)))
      })
    },
    async stop(signal = 'SIGTERM') {
      const ending = service
      service = undefined
      if (!ending || ending.exitCode !== null || ending.signalCode !== null) return
      ending.kill(signal)
      await once(ending, 'exit')
    },
    log: () => log,
  }
}
