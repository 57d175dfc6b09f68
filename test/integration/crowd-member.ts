import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { isSettingsError } from '../../model/errors.ts'
import { openController } from '../support/controller.ts'

/*
 * One controller in its own process: `crowd-member.ts <id> <endpoints> <prefix>`. It sends `ready`, and
 * handles these orders. `{keys, inFlight}`: patches each key separately, retries after each lost race, and
 * sends `{again}`, the number of retries. `{fill}`: patches all keys at once and sends `{again: 0}`. `look`:
 * sends its settings and its received facts. `close`: exits.
 */

const [id = '', endpoints = '[]', prefix = ''] = process.argv.slice(2)
const NAMESPACE = 'kytos/crowd'
// Longer than the longest pause of a busy machine.
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
