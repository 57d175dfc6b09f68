import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startEtcdCluster } from '../support/etcd.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { doctor, runRepair } from './doctor-stage.ts'
import { freshFolder, kytosSettings } from './host-process.ts'
import { etcdForTest, iniFor } from './moving-ground.ts'

describe('the doctor, of an etcd that others cannot reach,', () => {
  it('finds a service that is cut off from it, for longer than its history reaches', async () => {
    const cwd = await freshFolder()
    const etcd = await etcdForTest('--auto-compaction-retention=1s')
    const proxy = await startTcpProxy(etcd.port)
    onTestFinished(() => proxy.close())
    const ini = await iniFor(cwd, 'a', { ...etcd, endpoint: `http://127.0.0.1:${proxy.port}` })
    await writeFile(
      join(cwd, 'b.ini'),
      (await readFile(ini, 'utf8')).replace(`127.0.0.1:${proxy.port}`, `127.0.0.1:${etcd.port}`),
    )
    await kytosSettings(cwd, 'start', '-c', 'a.ini').ready
    expect((await doctor(cwd, 'b.ini')).codes).not.toContain('service.state')
    proxy.refuse()
    await vi.waitFor(
      async () => {
        const behind = await doctor(cwd, 'b.ini')
        expect(behind).toMatchObject({
          exit: 1,
          broken: ['service.state'],
          warnings: expect.arrayContaining(['etcd.compaction_passed']),
        })
        const { what, repair } = behind.find('service.state')
        expect(what).toMatch(/^It is STALE: .*[^.]\. This command reaches the store .*[^.]\.$/)
        // Nothing below is to be repaired.
        expect(repair).toMatch(/^kytos-settings doctor -c \S+ {3}# in ten seconds; .* restart the service/)
        expect(behind.find('etcd.compaction_passed').what).toMatch(
          / is [1-9]\d* s behind, and etcd keeps 1 s of history/,
        )
      },
      { timeout: 15_000, interval: 200 },
    )
  })

  it('finds a cluster without a leader, and names the members that do not respond', async () => {
    const cwd = await freshFolder()
    const cluster = await startEtcdCluster(3)
    onTestFinished(() => cluster.stop())
    const ini = await iniFor(cwd, 'a')
    const text = (await readFile(ini, 'utf8'))
      .replace('filesystem\n', 'etcd\n')
      .replace(/\[settings\.filesystem\]\npath = .*\n/, '')
    await writeFile(ini, `${text}[settings.etcd]\nendpoints = ${JSON.stringify(cluster.endpoints)}\n`)
    expect((await doctor(cwd, 'a.ini')).broken).toEqual([])
    const [alive, ...others] = cluster.nodes
    await Promise.all(others.map(node => node.kill()))
    const leaderless = await vi.waitFor(
      async () => {
        const found = await doctor(cwd, 'a.ini')
        expect(found.broken.toSorted()).toEqual(['etcd.leaderless', 'etcd.unreachable', 'etcd.unreachable'])
        return found
      },
      { timeout: 10_000, interval: 100 },
    )
    expect(leaderless.find('etcd.leaderless').where).toBe(alive?.endpoint)
    await Promise.all(others.map(node => node.restart()))
    await cluster.leader()
    expect(await runRepair(cwd, leaderless.find('etcd.leaderless'))).toMatch(/3\.\d+\.\d+/)
    expect((await doctor(cwd, 'a.ini')).broken).toEqual([])
  })
})
