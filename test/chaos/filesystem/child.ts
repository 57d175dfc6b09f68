import { join } from 'node:path'
import { createFilesystemBackend } from '../../../backends/filesystem/index.ts'
import { ask } from '../../../events/ask.ts'
import { createBus } from '../../../events/bus.ts'
import type { RootBus } from '../../../events/event.ts'
import type { CommandContent, CommandName } from '../../../events/map.ts'
import { printCursor } from '../../../model/cursor.ts'
import { toSettingsError } from '../../../model/errors.ts'
import { parseJson, printJson } from '../../../model/json.ts'
import { type Json, toJson } from '../../../model/value.ts'
import { createService, type Service } from '../../../src/app/service.ts'
import { openHttp } from '../../../src/http/server.ts'
import type { Log } from '../../../src/log/log.ts'
import { SnapshotFile } from '../../../src/watcher/snapshot.ts'
import { startGuard } from '../guard-napp.ts'
import { createRandom } from '../random.ts'
import { createTokenDesk } from '../token-desk.ts'
import { keepLog } from './archive.ts'
import { createBlackBox } from './black-box.ts'
import { createDoom } from './doom.ts'
import type { Assignment, Order, Report, Status } from './messages.ts'
import { tapSteps, type Watchman } from './tap.ts'
import { createUnrulyDisk, type UnrulyDisk } from './unruly-disk.ts'

/*
 * The process of one controller on a filesystem store, wired as `src/app/napp.ts` does. It does what its
 * parent orders, tells every fact as it is said, and is made to be killed.
 */

/** Small, so that logs and snapshots are made all the time. */
const COMPACTION = { log: 64 * 1024, tail: 128 * 1024, ratio: 2 }
const START_TIMEOUT = 20_000
/** Milliseconds between two comparisons of the cache with the store. */
const RECONCILE = 1_000
/** Above every place in a revision. */
const LAST = 999_999_999

const doom = createDoom()
let disk: UnrulyDisk | undefined
let root: RootBus | undefined
let service: Service | undefined

process.on('disconnect', () => process.exit())
process.on('message', (order: Order) => void obey(order))
report({ type: 'warm' })

async function obey(order: Order): Promise<void> {
  if (order.type === 'start') await start(order.assignment).catch(fail)
  else if (order.type === 'doom') doom.await(order.steps, order.share)
  else {
    const { id } = order
    answer(order).then(
      value => report({ type: 'answer', id, text: printJson(value) }),
      reason => {
        const { code, message, details } = toSettingsError(reason)
        report({ type: 'refusal', id, code, message, details: printJson(toJson(details)) })
      },
    )
  }
}

async function answer(order: Exclude<Order, { type: 'start' | 'doom' }>): Promise<Json> {
  if (order.type === 'intrude') return intrude(order.store)
  if (!root || !service) throw new Error('The controller has not been started.')
  if (order.type === 'trouble') {
    if (disk) disk.trouble = order.trouble
    return null
  }
  if (order.type === 'status') {
    const { state, epoch, revision, resyncs, repairs, reconciles } = service.health()
    return {
      state,
      epoch,
      revision: revision.toString(),
      resyncs,
      repairs,
      reconciles,
    } satisfies Status as Json
  }
  if (order.type === 'token')
    return toJson((await createTokenDesk(service)[order.act](order.argument)) ?? null)
  const bus = root.view({ type: 'user', name: 'chaos' })
  // The parent speaks by the table of commands.
  return toJson(
    await ask(
      bus,
      order.name as CommandName,
      parseJson(order.content) as unknown as CommandContent<CommandName>,
    ),
  )
}

async function start({
  controller,
  port,
  store,
  state,
  snapshot,
  archive,
  blackBox,
  seed,
}: Assignment): Promise<void> {
  disk = createUnrulyDisk(createRandom(seed))
  const watchmen: Watchman[] = [
    doom,
    disk,
    ...(blackBox ? [createBlackBox(blackBox)] : []),
    archivist(archive),
  ]
  tapSteps([store, state], watchmen)

  const bus = createBus({ log: LOG })
  startGuard(bus, controller)
  const said = new Map<string, string>()
  bus.on(/settings\..*|box\..*/, ({ id, name, content }) => {
    report({ type: 'heard', name, content: printJson(toJson(content)), at: said.get(id) ?? now() })
    said.delete(id)
  })
  const file = snapshot
    ? new SnapshotFile(join(state, controller, 'snapshot.json'), `filesystem ${store}`, LOG)
    : undefined
  const known = await file?.read()
  if (known)
    report({
      type: 'known',
      cursor: printCursor({ epoch: known.epoch, revision: known.batch.revision, n: LAST }),
    })

  service = createService(
    tell => createFilesystemBackend({ path: store }, { report: tell }, { compaction: COMPACTION }),
    {
      bus,
      controller,
      strict: false,
      log: LOG,
      startTimeout: START_TIMEOUT,
      pace: { reconcile: RECONCILE },
      fatal: fail,
      ...(file && { snapshot: file }),
    },
  )
  // An answer may come once a fact was said; a listener with a backlog hears it later.
  service.feed.follow(undefined, ({ id }) => said.set(id, now()))
  await openHttp({ bus, feed: service.feed, health: service.health, listen: '127.0.0.1', port, log: LOG })
  await service.start()
  root = bus
  report({ type: 'open' })
}

function now(): string {
  return process.hrtime.bigint().toString()
}

function archivist(archive: string): Watchman {
  return {
    after: ({ action, path }) => {
      if (action === 'create') keepLog(path, archive)
    },
  }
}

/** Opens a store that another process has, which must not succeed. */
async function intrude(store: string): Promise<Json> {
  const backend = createFilesystemBackend({ path: store }, { report: () => {} }, { compaction: COMPACTION })
  try {
    await backend.open()
    return 'opened'
  } finally {
    await backend.close()
  }
}

function fail(reason: unknown): void {
  const { code, message } = toSettingsError(reason)
  process.send?.({ type: 'failed', code, message } satisfies Report, () => process.exit(1))
}

function report(what: Report): void {
  process.send?.(what)
}

const LOG: Log = {
  info: () => {},
  warn: message => console.error(`warn ${message}`),
  error: message => console.error(`error ${message}`),
  child: () => LOG,
}
