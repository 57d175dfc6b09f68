import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { doctor } from './doctor-stage.ts'
import { freshFolder } from './host-process.ts'

const MAIN = join(packageRoot(), 'dist/src/main.js')
/** More than the 68 of one address that 200 descriptors allow. */
const CONNECTIONS = 90

it('the doctor finds a service that rejects connections', async () => {
  const cwd = await freshFolder()
  const service = spawn('bash', ['-c', `ulimit -n 200; exec "${process.execPath}" "${MAIN}" start`], {
    cwd,
    stdio: 'ignore',
  })
  onTestFinished(() => void service.kill('SIGKILL'))
  const file = join(cwd, 'state', hostname(), 'service.json')
  const settled = { timeout: 30_000, interval: 50 }
  await expect.poll(() => readFile(file, 'utf8').catch(() => ''), settled).toContain('"url"')
  const { url } = JSON.parse(await readFile(file, 'utf8'))
  const sockets: Socket[] = Array.from({ length: CONNECTIONS }, () =>
    connect(Number(new URL(url).port), '127.0.0.1'),
  )
  const closed = Promise.race(
    sockets.map(socket =>
      once(
        socket.on('error', () => {}),
        'close',
      ),
    ),
  )
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  await closed
  for (const socket of sockets) socket.destroy()
  await expect
    .poll(async () => (await doctor(cwd, 'kytos.ini')).warnings, settled)
    .toContain('service.connections')
})
