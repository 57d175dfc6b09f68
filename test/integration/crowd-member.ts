import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { openController } from '../support/controller.ts'

/*
 * One controller in a process of its own: `crowd-member.ts <id> <endpoints> <prefix>`. Says `ready`; told `{keys, inFlight}` it patches each key on its own and
 * says `done`; told `look` it answers with what it knows and heard; told `close` it ends.
 */

const [id = '', endpoints = '[]', prefix = ''] = process.argv.slice(2)
const NAMESPACE = 'kytos/crowd'
// Longer than a busy machine stands still.
const options = { endpoints: JSON.parse(endpoints) as string[], prefix, timeout: 30 }
const controller = await openController({ id, backend: report => createEtcdBackend(options, { report }) })

type Order = { readonly keys: readonly string[]; readonly inFlight: number } | 'look' | 'close'

process.on('message', (order: Order) => {
  if (order === 'close') void controller.close().then(() => process.disconnect())
  else if (order === 'look') void look()
  else void patch(order)
})
process.send?.('ready')

async function patch({ keys, inFlight }: Exclude<Order, string>): Promise<void> {
  const left = [...keys]
  const writer = async (): Promise<void> => {
    for (let key = left.shift(); key !== undefined; key = left.shift())
      await controller.ask('kytos.settings.update', { namespace: NAMESPACE, data: { [key]: id } })
  }
  try {
    await Promise.all(Array.from({ length: inFlight }, writer))
    process.send?.('done')
  } catch (error) {
    process.send?.({ failed: String(error) })
  }
}

async function look(): Promise<void> {
  const { overrides, version } = await controller.ask('kytos.settings.retrieve', { namespace: NAMESPACE, fresh: true })
  const versions = controller.changes.map(({ content }) => ('version' in content ? content.version : 0))
  process.send?.({ keys: Object.keys(overrides).length, version, inOrder: versions.every((one, i) => one === i + 1), heard: versions.length })
}
