import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import type { CommandContent, CommandName } from '../../events/map.ts'
import { openController } from '../support/controller.ts'

/*
 * One controller in its own process: `pending-member.ts <id> <store> <clock>`. The store is the options of a
 * backend as JSON, those of etcd with `endpoints`. Its clock is that many milliseconds ahead of the real one.
 * It sends `ready`. It sends commands that it receives, `{n, name, content}`, and answers `{n, answer}` or
 * `{n, code}`. `{ahead}` sets its clock anew.
 */

const [id = '', store = '{}', clock = '0'] = process.argv.slice(2)
let ahead = Number(clock)
const RealDate = Date
globalThis.Date = class extends RealDate {
  constructor(...given: readonly [] | readonly [number | string]) {
    super(given[0] ?? RealDate.now() + ahead)
  }
  static override now(): number {
    return RealDate.now() + ahead
  }
} as DateConstructor

const options = JSON.parse(store)
const controller = await openController({
  id,
  backend: report =>
    'endpoints' in options
      ? createEtcdBackend({ timeout: 10, ...options }, { report })
      : createFilesystemBackend(options, { report }),
})

interface Order {
  readonly n: number
  readonly name: CommandName
  readonly content: CommandContent<CommandName>
}

process.on('message', (order: Order | { readonly ahead: number }) => {
  if ('ahead' in order) {
    ahead = order.ahead
    return
  }
  const { n, name, content } = order
  controller.ask(name, content).then(
    answer => process.send?.({ n, answer }),
    error => process.send?.({ n, code: error.code, details: error.details }),
  )
})
process.send?.('ready')
