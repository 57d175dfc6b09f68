import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { doctor } from './doctor-stage.ts'
import { freshFolder } from './host-process.ts'

it('reports a kytosd that runs without the bridge that is installed for it', async () => {
  const cwd = await freshFolder()
  let answer: object | undefined
  const kytosd = createServer((_request, response) => {
    response.statusCode = answer ? 200 : 404
    response.end(JSON.stringify(answer ?? {}))
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void kytosd.close())
  await once(kytosd, 'listening')
  const { port } = kytosd.address() as AddressInfo
  await writeFile(join(cwd, 'kytos.conf'), `[daemon]\nlisten = 0.0.0.0\napi_port = ${port}\n`)
  const findings = async () => {
    const report = await doctor(cwd, join(cwd, 'kytos.ini'))
    return report.findings.filter(({ code }) => code === 'bridge.inactive')
  }

  expect(await findings(), 'no bridge is installed').toEqual([])
  const bridge = { url: 'http://127.0.0.1:1', python: '/usr/bin/python3', made: [] }
  await writeFile(join(cwd, 'kytos-settings.json'), JSON.stringify(bridge))
  expect(await findings(), 'kytosd answers without the NApp').toMatchObject([
    { severity: 'warning', where: `http://127.0.0.1:${port}` },
  ])
  answer = { hook: false, connected: false, source: 'none' }
  expect(await findings(), 'the NApp runs without the hook').toHaveLength(1)
  answer = { hook: true, connected: true, source: 'service' }
  expect(await findings(), 'the bridge runs').toEqual([])
  kytosd.close()
  kytosd.closeAllConnections()
  expect(await findings(), 'kytosd is stopped').toEqual([])
})
