import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'
import { freePort } from '../support/etcd-process.ts'
import { verifyUnit } from './etcd-hosts.ts'
import { guideFolder, type Host, walk } from './page.ts'

/*
 * docs/admin/install.md: the packed package, installed with npm into a folder of the test, and started as its
 * unit does; by another user than root if the test runs as root.
 */

/** A command that the test cannot execute and that changes nothing in it. */
const outside = (): void => {}
const NOBODY = 65_534
const run = promisify(execFile)

it('docs/admin/install.md installs and starts the service as described', async () => {
  const { folder, remove } = await guideFolder()
  const port = await freePort()
  for (const below of ['root', 'var/lib/kytos', 'prefix/bin'])
    await mkdir(join(folder, below), { recursive: true })
  const path = `${join(folder, 'prefix/bin')}:${process.env.PATH}`
  const host: Host = {
    folder,
    replace: [
      [/(?<![\w.])\/(?=(?:etc|var|root)\b)/g, `${folder}/`],
      ['127.0.0.1:8181', `127.0.0.1:${port}`],
    ],
    env: { PATH: path, HOME: folder, npm_config_prefix: join(folder, 'prefix'), npm_config_offline: 'true' },
  }
  const end = new AbortController()
  let ended: Promise<unknown> = Promise.resolve()
  try {
    const page = await walk('install.md')
    await page.console({
      'npm ci': outside,
      // Without the build, which is in place.
      'npm pack --pack-destination /root': () =>
        run('npm', ['pack', '--ignore-scripts', '--pack-destination', join(folder, 'root')], {
          cwd: packageRoot(),
        }),
    })
    expect(await page.sh(host)).toMatch(/^0\.1\.0$/m)
    expect((await page.sh(host)).match(/= \S+var\/lib\/kytos\//g)).toHaveLength(3)
    expect(await page.sh(host)).toMatch(/1\.3 OK/)

    const unit = join(folder, 'etc/systemd/system/kytos-settings.service')
    const service = await readFile(unit, 'utf8')
    const [, command = ''] = /^ExecStart=(.*)$/m.exec(service) ?? []
    expect(command).toBe('/usr/bin/env kytos-settings start -c /etc/kytos/kytos.ini')
    const ini = join(folder, 'etc/kytos/kytos.ini')
    await run('sed', ['-i', `s/^api_port = 8181$/api_port = ${port}/`, ini])
    await chmod(folder, 0o755)
    const isRoot = process.getuid?.() === 0
    if (isRoot) await run('chown', ['-R', String(NOBODY), join(folder, 'var/lib/kytos')])
    await page.console({
      'useradd --system --no-create-home --shell /usr/sbin/nologin kytos-settings': outside,
      'systemctl daemon-reload': () => verifyUnit(unit),
      'systemctl enable --now kytos-settings': async () => {
        const [binary = '', ...args] = command.replace('/etc/kytos/kytos.ini', ini).split(' ')
        const child = spawn(binary, args, {
          cwd: join(folder, 'var/lib/kytos'),
          env: { PATH: path, HOME: join(folder, 'var/lib/kytos'), NODE_ENV: 'production' },
          stdio: ['ignore', 'ignore', 'inherit'],
          signal: end.signal,
          ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
        })
        // The abort at the end is reported as an error.
        child.on('error', () => {})
        ended = once(child, 'exit')
        await once(child, 'spawn')
      },
      'journalctl -u kytos-settings': outside,
    })
    expect(await page.sh(host)).toContain('"polling_time"')
    expect(page.left()).toBe(0)
  } finally {
    end.abort()
    await ended.catch(() => {})
    await remove()
  }
})
