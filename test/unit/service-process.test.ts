import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'

const run = promisify(execFile)

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-process-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

/** A process that does this with a service, closes it, and has nothing more to do. */
async function runService(work: string): Promise<string> {
  const script = `
    const { createMemoryBackend } = await import('./backends/memory/index.ts')
    const { ask } = await import('./events/ask.ts')
    const { createBus } = await import('./events/bus.ts')
    const { createService } = await import('./src/service.ts')
    const { SnapshotFile } = await import('./src/watcher/snapshot.ts')
    const log = { info() {}, warn() {}, error() {}, child: () => log }
    const bus = createBus({ log })
    const backend = createMemoryBackend()
    const snapshot = new SnapshotFile(process.env.SNAPSHOT, 'memory', log)
    const service = createService(() => backend, { bus, controller: 'one', strict: false, log, startTimeout: 30_000, snapshot })
    ${work}
    console.log('closed')`
  const { stdout } = await run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    timeout: 15_000,
    env: { ...process.env, SNAPSHOT: join(folder, 'snapshot.json') },
  })
  return stdout.trim()
}

it('closing a service lets its process end by itself, whatever was waiting', async () => {
  const printed = await runService(`
    await service.start()
    service.feed.follow('0', () => {})
    await ask(bus, 'kytos.settings.register', { namespace: 'kytos/a', schema: { type: 'object' } })
    await ask(bus, 'kytos.settings.update', { namespace: 'kytos/a', data: { a: 1 } })
    await ask(bus, 'kytos.storehouse.create', { namespace: 'net', box_id: '1', data: 1 })
    await service.close()`)
  expect(printed).toBe('closed')
  expect(await readFile(join(folder, 'snapshot.json'), 'utf8')).toContain('kytos/a')
})

it('closing a service that waits for its store lets its process end by itself', async () => {
  const printed = await runService(`
    backend.open = async () => { throw Object.assign(new Error('away')) }
    const starting = service.start().catch(error => console.log(error.code))
    const late = ask(bus, 'kytos.settings.list', {}).catch(error => console.log(error.code))
    await new Promise(resolve => setImmediate(resolve))
    await service.close()
    await Promise.all([starting, late])`)
  expect(printed.split('\n').sort()).toEqual(['SERVICE_ABSENT', 'SERVICE_STOPPING', 'closed'])
})
