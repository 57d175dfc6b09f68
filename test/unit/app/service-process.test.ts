import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest'

/**
 * Milliseconds from the end of the close to that of the process: less than any timer of the service that it
 * could still wait for.
 */
const AT_ONCE = 10_000

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
    const { createService } = await import('./src/app/service.ts')
    const { SnapshotFile } = await import('./src/watcher/snapshot.ts')
    const log = { info() {}, warn() {}, error() {}, child: () => log }
    const bus = createBus({ log })
    const backend = createMemoryBackend()
    const snapshot = new SnapshotFile(process.env.SNAPSHOT, 'memory', log)
    const service = createService(() => backend, { bus, controller: 'one', strict: false, log, startTimeout: 30_000, snapshot })
    ${work}
    console.log('closed')`
  const env = { ...process.env, SNAPSHOT: join(folder, 'snapshot.json') }
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  })
  let [printed, errors] = ['', '']
  let overdue: NodeJS.Timeout | undefined
  // How long a loaded machine takes to load the service says nothing of its end.
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
    if (/^closed$/m.test(printed)) overdue ??= setTimeout(() => child.kill('SIGKILL'), AT_ONCE)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [code, signal] = await once(child, 'close')
  clearTimeout(overdue)
  expect({ code, signal }, `${printed}${errors}`).toEqual({ code: 0, signal: null })
  return printed.trim()
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
