import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Backend } from '../../backends/backend.ts'
import { inspectFolder } from '../../backends/filesystem/inspect.ts'
import type { Entry } from '../../model/document.ts'
import { type Key, makeKey, parseKey } from '../../model/key.ts'
import { type BackendChoice, loadBackend } from '../../src/boot/backend-registry.ts'
import { loadConfig } from '../../src/boot/config.ts'
import { chooseBackend } from '../../src/boot/store-choice.ts'
import { printBox } from '../../src/boxes/box.ts'
import { TokenStore } from '../../src/tokens/token-store.ts'
import { openController } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { freePort } from '../support/etcd-process.ts'
import { type Contents, readContents } from '../support/store-contents.ts'
import { runIn } from '../unit/cli/cli-world.ts'

/** Writes the kytos.ini of a new store, a folder or a prefix of an etcd, and returns its path. */
export async function iniFor(cwd: string, name: string, etcd?: EtcdServer): Promise<string> {
  const file = join(cwd, `${name}.ini`)
  const store = etcd
    ? `backend = etcd\ncontroller = c-${name}\nstate_dir = state-${name}\n[settings.etcd]\nendpoints = ["${etcd.endpoint}"]\nprefix = /${name}`
    : `backend = filesystem\ncontroller = c-${name}\nstate_dir = state-${name}\n[settings.filesystem]\npath = store-${name}`
  await writeFile(
    file,
    `[daemon]\nnapps = napps\nnapps_pre_installed = ["kytos/settings"]\napi_port = ${await freePort()}\n[settings]\nlog = text\n${store}\n`,
  )
  return file
}

/** An etcd that ends with the test. */
export async function etcdForTest(...args: readonly string[]): Promise<EtcdServer> {
  const etcd = await startEtcd({ args })
  onTestFinished(() => etcd.stop())
  return etcd
}

export async function choiceOf(ini: string): Promise<BackendChoice> {
  return chooseBackend(await loadConfig(ini, { isNamed: true }), () => {})
}

/** Opens the store of a kytos.ini for some work in this process. */
export async function inStore<Result>(
  ini: string,
  work: (backend: Backend) => Promise<Result>,
): Promise<Result> {
  const createBackend = await loadBackend(await choiceOf(ini))
  const backend = createBackend(() => {})
  try {
    await backend.open()
    return await work(backend)
  } finally {
    await backend.close()
  }
}

/**
 * Fills a store as services do: namespaces with schemas and a history, scopes, a deletion, a token, an
 * unrecorded hand edit, boxes in their own order.
 */
export async function furnish(ini: string, { namespaces = 20, boxes = 10_000 } = {}): Promise<void> {
  const controller = await openController({ id: 'c-seed', backend: await loadBackend(await choiceOf(ini)) })
  try {
    for (let n = 0; n < namespaces; n++) {
      const namespace = `kytos/napp_${n}`
      const schema = {
        type: 'object',
        properties: { n: { type: 'integer', default: n }, big: { type: 'integer' } },
      }
      await controller.ask('kytos.settings.register', { namespace, schema, napp_version: '1.0' })
      for (let v = 1; v <= 6; v++)
        await controller.ask('kytos.settings.update', {
          namespace,
          data: { n: v, big: 9007199254740993n, text: `v${v} ü` },
        })
    }
    await controller.ask('kytos.settings.update', {
      namespace: 'kytos/napp_0',
      scope: 'controller:c-9',
      data: { n: 77 },
    })
    await controller.ask('kytos.settings.delete', { namespace: 'kytos/napp_1' })
  } finally {
    await controller.close()
  }
  await inStore(ini, async backend => {
    await new TokenStore(backend).create({ name: 'ci', rights: ['read'] }, { type: 'user', name: 'alice' })
    await putBoxes(backend, boxes)
    await backend.commit([{ key: makeKey('settings', 'kytos', 'napp_2'), put: '{"n":1000}' }])
  })
}

/**
 * Boxes in ascending blocks, each below the one before: the order of creation is not that of the keys, and
 * yet few commits make them.
 */
async function putBoxes(backend: Backend, count: number): Promise<void> {
  for (let at = 0; at < count; at += BLOCK) {
    const numbers = Array.from({ length: Math.min(BLOCK, count - at) }, (_, n) => at + n)
    await backend.commit(
      numbers.map(n => ({ key: boxKeyOf(n), put: boxText(n), expected: 'absent' as const })),
    )
  }
}

const BLOCK = 120

/** The key of the box that was made as the n-th. */
export function boxKeyOf(n: number): Key {
  const id = (999_999 - Math.floor(n / BLOCK)) * 1_000 + (n % BLOCK)
  return makeKey('boxes', n % 3 === 0 ? 'kytos.topology' : 'kytos.flows', `${id}.ü`)
}

function boxText(n: number): string {
  const data = { n, fill: 'x'.repeat(n % 400) }
  const box = { data, created_at: '2026-01-01T00:00:00Z', owner: null, writeId: `w${n}` }
  return printBox(box, { type: 'napp', name: 'a/b' }, '2026-01-01T00:00:00Z')
}

/** The contents of the store of a kytos.ini; for a folder, those of its journal. */
export async function contentsOf(ini: string): Promise<Contents> {
  const choice = await choiceOf(ini)
  if (choice.backend !== 'filesystem') return inStore(ini, readContents)
  const { entries = [], revision = 0n } = (await inspectFolder(choice.path)) ?? {}
  return readContents({ list: async () => ({ revision, pages: pageOf(entries) }) })
}

async function* pageOf(entries: readonly Entry[]): AsyncGenerator<readonly Entry[]> {
  yield entries
}

/** Runs one command line to its end, in this process. */
export async function kytos(
  cwd: string,
  ...args: readonly string[]
): Promise<{ readonly exit: number; readonly output: string }> {
  const { exit, stdout, stderr } = await runIn(cwd, args)
  return { exit, output: stderr + stdout }
}

/** Writes one text into a store, past everything. */
export async function putByHand(ini: string, key: string, put: string): Promise<void> {
  const parsed = parseKey(key)
  if (!parsed) throw new Error(`${key} is no key.`)
  await inStore(ini, async backend => void (await backend.commit([{ key: parsed, put }])))
}
