/*
 * A server on a filesystem store, for a process with few descriptors. It prints its port as the first line, then
 * the lines of its log.
 */

import { join } from 'node:path'
import { createFilesystemBackend } from '../../../backends/filesystem/index.ts'
import { createBus } from '../../../events/bus.ts'
import { createService } from '../../../src/app/service.ts'
import { openHttp } from '../../../src/http/server.ts'
import type { Log } from '../../../src/log/log.ts'
import { createMetrics } from '../../../src/metrics/metrics.ts'
import { createLocalAuth } from '../../../src/tokens/local-auth.ts'

const [path = ''] = process.argv.slice(2)
const log: Log = {
  child: () => log,
  info: () => {},
  warn: (line: string) => console.log(line),
  error: (line: string) => console.log(line),
}
const bus = createBus({ log })
const service = createService(report => createFilesystemBackend({ path: join(path, 'store') }, { report }), {
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
const localAuth = createLocalAuth(join(path, 'controller-1'), service.tokens, log)
const auth = { required: false, tokens: localAuth.tokens }
const http = await openHttp({
  bus,
  feed,
  health,
  metrics,
  log,
  deadlines,
  auth,
  listen: '127.0.0.1',
  port: 0,
})
await localAuth.open(http.addressUrl)
console.log(http.port)
process.on('disconnect', () => process.exit())
