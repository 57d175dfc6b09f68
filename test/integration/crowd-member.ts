import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { isSettingsError } from '../../model/errors.ts'
import { openController } from '../support/controller.ts'

/*
 * One controller in a process of its own: `crowd-member.ts <id> <endpoints> <prefix>`. Says `ready`; told
 * `{keys, inFlight}` it patches each key on its own, again when it was refused because others were faster,
 * and says `{again}`, how often that was; told `{fill}` all of them at once, and says `{again: 0}`; told
 * `look` it answers with what it knows and heard; told `close` it ends.
 */

const [id = '', endpoints = '[]', prefix = ''] = process.argv.slice(2)
const NAMESPACE = 'kytos/crowd'
// Longer than a busy machine stands still.
const options = { endpoints: JSON.parse(endpoints) as string[], prefix, timeout: 30 }
const controller = await openController({ id, backend: report => createEtcdBackend(options, { report }) })

type Order = Patches | { readonly fill: readonly string[] } | 'look' | 'close'
interface Patches {
  readonly keys: readonly string[]
  readonly inFlight: number
}

process.on('message', (order: Order) => {
  if (order === 'close') void controller.close().then(() => process.disconnect())
  else if (order === 'look') void look()
  else if ('fill' in order)
    void report(() => update(Object.fromEntries(order.fill.map(key => [key, 0]))).then(() => 0))
  else void report(() => patch(order))
})
process.send?.('ready')

async function report(work: () => Promise<number>): Promise<void> {
  try {
    process.send?.({ again: await work() })
  } catch (error) {
    process.send?.({ failed: String(error) })
  }
}

const update = (data: Readonly<Record<string, string | number>>) =>
  controller.ask('kytos.settings.update', { namespace: NAMESPACE, data })

async function patch({ keys, inFlight }: Patches): Promise<number> {
  const left = [...keys]
  let again = 0
  const writer = async (): Promise<void> => {
    for (let key = left.shift(); key !== undefined; key = left.shift()) {
      try {
        await update({ [key]: id })
      } catch (error) {
        if (!isSettingsError(error, 'CONTENTION')) throw error
        // Nothing was written.
        left.push(key)
        again++
      }
    }
  }
  await Promise.all(Array.from({ length: inFlight }, writer))
  return again
}

async function look(): Promise<void> {
  const { overrides, version } = await controller.ask('kytos.settings.retrieve', {
    namespace: NAMESPACE,
    fresh: true,
  })
  const versions = controller.changes.map(({ content }) => ('version' in content ? content.version : 0))
  process.send?.({
    keys: Object.keys(overrides).length,
    version,
    inOrder: versions.every((one, i) => one === i + 1),
    heard: versions.length,
  })
}
