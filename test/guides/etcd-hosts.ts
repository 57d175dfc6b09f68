import { execFile, spawnSync } from 'node:child_process'
import { cp, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { type EtcdProcess, freePort, spawnEtcd } from '../support/etcd-process.ts'
import { guideFolder, type Host } from './page.ts'

/*
 * Three hosts of etcd on one machine: each has its own folder in place of `/`, and its own ports on 127.0.0.1
 * in place of its address. etcd is started from the unit that the page writes.
 */

const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'] as const

export interface EtcdHost extends Host {
  readonly name: string
  /** The URL for clients of a cluster with certificates. */
  readonly url: string
  /** Starts etcd as its unit does; `binary` is the etcd of another version. */
  start(binary?: string): Promise<void>
  stop(signal?: NodeJS.Signals): Promise<void>
  readonly running: boolean
  /** Copies the files of a console block with scp from the folder of the authority. */
  copyTls(authority: string): Promise<void>
  output(): string
}

export interface EtcdHosts {
  readonly hosts: readonly EtcdHost[]
  /** The host of the authority and of etcdctl. */
  readonly admin: Host
  /** The client URLs, as a service uses them. */
  readonly endpoints: readonly string[]
  close(): Promise<void>
}

export async function openEtcdHosts(scheme: 'http' | 'https'): Promise<EtcdHosts> {
  const { folder, remove } = await guideFolder()
  const ports = await Promise.all(
    ADDRESSES.map(async () => ({
      client: await freePort(),
      peer: await freePort(),
      metrics: await freePort(),
    })),
  )
  const everywhere = (root: string): Host['replace'] => [
    [/(?<![\w.])\/(?=(?:etc|var|root)\/)/g, `${root}/`],
    ...ADDRESSES.flatMap((address, i): Host['replace'] => [
      [`${address}:2379`, `127.0.0.1:${ports[i]?.client}`],
      [`${address}:2380`, `127.0.0.1:${ports[i]?.peer}`],
      [`${address}:2381`, `127.0.0.1:${ports[i]?.metrics}`],
    ]),
    [/10\.0\.0\.[1-4]/g, '127.0.0.1'],
  ]
  const hosts = await Promise.all(
    ADDRESSES.map((_, i) => openHost(join(folder, `etcd-${i + 1}`), i, ports[i] ?? fail(), everywhere)),
  )
  await mkdir(join(folder, 'admin', 'root'), { recursive: true })
  const [first] = hosts
  const admin = { folder: join(folder, 'admin'), replace: everywhere(join(folder, 'admin')) }
  return {
    hosts,
    admin: scheme === 'http' && first ? first : admin,
    endpoints: ports.map(({ client }) => `${scheme}://127.0.0.1:${client}`),
    async close() {
      for (const host of hosts) await host.stop('SIGKILL')
      await remove()
    },
  }
}

async function openHost(
  folder: string,
  index: number,
  own: { client: number; peer: number; metrics: number },
  everywhere: (root: string) => Host['replace'],
): Promise<EtcdHost> {
  const name = `etcd-${index + 1}`
  for (const below of ['etc/systemd/system', 'var/lib/etcd', 'root', 'etc/etcd/tls'])
    await mkdir(join(folder, below), { recursive: true, mode: 0o700 })
  let child: EtcdProcess | undefined
  return {
    folder,
    name,
    url: `https://127.0.0.1:${own.client}`,
    replace: [
      ['NAME=etcd-1\n', `NAME=${name}\n`],
      ...everywhere(folder),
      ...(['client', 'peer', 'metrics'] as const).flatMap((kind, i): Host['replace'] => [
        [`$ADDRESS:${2379 + i}`, `127.0.0.1:${own[kind]}`],
        [`127.0.0.1:${2379 + i}`, `127.0.0.1:${own[kind]}`],
      ]),
    ],
    get running() {
      return child !== undefined && !child.exited
    },
    async start(binary = process.env.ETCD_34 ?? 'etcd') {
      const unit = join(folder, 'etc/systemd/system/etcd.service')
      const text = await readFile(unit, 'utf8')
      const [command = '', ...flags] = only(text, 'ExecStart').split(' ')
      expect(command).toBe('/usr/bin/etcd')
      const lines = (await readFile(only(text, 'EnvironmentFile'), 'utf8')).split('\n')
      const settings = lines.filter(line => /^ETCD_\w+=/.test(line))
      // `env` is replaced by etcd: it is the same process.
      child = await spawnEtcd([...settings, binary, ...flags], 'env')
    },
    async stop(signal = 'SIGTERM') {
      if (child && !child.exited) await child.end(signal)
    },
    async copyTls(authority) {
      const tls = join(folder, 'etc/etcd/tls')
      for (const file of ['ca.pem', 'peer.pem', 'peer-key.pem'])
        await cp(join(authority, file), join(tls, file))
      await cp(join(authority, `${name}.pem`), join(tls, 'server.pem'))
      await cp(join(authority, `${name}-key.pem`), join(tls, 'server-key.pem'))
    },
    output: () => child?.output() ?? '',
  }
}

/** Checks a unit with systemd-analyze, which prints a line for every fault. */
export async function verifyUnit(unit: string): Promise<void> {
  if (spawnSync('systemd-analyze', ['--version']).error)
    throw new Error('systemd-analyze is missing: apt-get install systemd.')
  const { stderr } = await promisify(execFile)('systemd-analyze', ['verify', unit])
  expect(stderr.split('\n').filter(line => line.includes(unit))).toEqual([])
}

/** Checks that apt knows packages. */
export async function expectPackages(command: string): Promise<void> {
  const names = command.replace('apt-get install ', '').split(' ')
  for (const name of names) {
    const { stdout } = await promisify(execFile)('apt-cache', ['show', name])
    expect(stdout).toContain(`Package: ${name}\n`)
  }
}

function only(unit: string, key: string): string {
  const values = [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value)
  expect(values).toHaveLength(1)
  return values[0] ?? ''
}

function fail(): never {
  throw new Error('Every host has ports.')
}
