/*
 * A server on a filesystem store, for a process with few descriptors. It prints its port as the first line, then
 * the lines of its log.
 */

import { createFilesystemBackend } from '../../../backends/filesystem/index.ts'
import { createBus } from '../../../events/bus.ts'
import { createService } from '../../../src/app/service.ts'
import { openHttp } from '../../../src/http/server.ts'
import type { Log } from '../../../src/log/log.ts'
import { createMetrics } from '../../../src/metrics/metrics.ts'

const [path = ''] = process.argv.slice(2)
const log: Log = {
  child: () => log,
  info: () => {},
  warn: (line: string) => console.log(line),
  error: (line: string) => console.log(line),
}
const bus = createBus({ log })
const service = createService(report => createFilesystemBackend({ path }, { report }), {
  bus,
  controller: 'controller-1',
  strict: false,
  log,
  startTimeout: 20_000,
})
await service.start()
const { feed, health, fileProblems } = service
const metrics = createMetrics({ feed, health, fileProblems })
const deadlines = { headers: 20_000, request: 20_000, check: 200 }
const http = await openHttp({ bus, feed, health, metrics, log, deadlines, listen: '127.0.0.1', port: 0 })
console.log(http.port)
process.on('disconnect', () => process.exit())
