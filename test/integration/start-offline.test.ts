import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'

it('npm start without packages and without a network names what it needs, after one request', async () => {
  const clone = await mkdtemp(join(tmpdir(), 'kytos-clone-'))
  onTestFinished(() => rm(clone, { recursive: true, force: true }))
  for (const name of ['package.json', 'package-lock.json', 'scripts'])
    await cp(join(packageRoot(), name), join(clone, name), { recursive: true })
  // On this port of loopback no process listens.
  const env = {
    ...process.env,
    npm_config_registry: 'http://127.0.0.1:1/',
    npm_config_cache: join(clone, 'cache'),
  }
  const started = spawnSync(process.execPath, ['scripts/start.mjs'], {
    cwd: clone,
    env,
    encoding: 'utf8',
    timeout: 50_000,
  })
  expect(started.stderr).toContain(
    'The packages are not installed, and the registry of npm cannot be reached (ECONNREFUSED).',
  )
  expect(started.status).toBe(1)
})
