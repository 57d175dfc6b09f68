#!/usr/bin/env node
// Starts a cluster of three etcd members on loopback, prints the lines for kytos.ini, and stops the members
// on Ctrl-C. The data is kept in ./var/etcd; the ports are 2379, 22379 and 32379, and the next one of each.
// Usage:
//
//   node scripts/etcd-cluster.mjs [--base-port 2379] [--data var/etcd]

import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const USAGE = `Usage: node scripts/etcd-cluster.mjs [--base-port 2379] [--data var/etcd]

Starts a cluster of three etcd members on loopback, at the base port and 20000 and 30000 above it.
Ctrl-C stops them; their data is kept.`
const values = readArguments()
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
const base = Number(values['base-port'])
if (!Number.isInteger(base) || base < 1024 || base + 30_001 > 65_535)
  fail('--base-port must be a port from 1024 to 35534.')

const folder = resolve(values.data)
const nodes = [0, 20_000, 30_000].map((offset, n) => {
  const port = base + offset
  return {
    name: `kytos${n + 1}`,
    port,
    client: `http://127.0.0.1:${port}`,
    peer: `http://127.0.0.1:${port + 1}`,
  }
})
for (const { port } of nodes)
  for (const taken of [port, port + 1])
    if (await answers(taken)) fail(`Port ${taken} is in use: select other ports with --base-port.`)

mkdirSync(folder, { recursive: true, mode: 0o700 })
const children = nodes.map(start)
let stopping = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0))

for (const { port } of nodes) while (!(await answers(port))) await new Promise(done => setTimeout(done, 100))
const stops = children.map((child, n) => ` kill ${child.pid} (${nodes[n].name})`).join(',')
console.log(`Three etcd members are running, with their data in ${folder}. Configuration for kytos.ini:

[settings]
backend = etcd
[settings.etcd]
endpoints = ${JSON.stringify(nodes.map(({ client }) => client))}

Stop one member; the service keeps running:${stops}.
Ctrl-C stops all members.`)

function readArguments() {
  const options = {
    'base-port': { type: 'string', default: '2379' },
    data: { type: 'string', default: 'var/etcd' },
    help: { type: 'boolean' },
  }
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return fail(`${error.message}\n${USAGE}`)
  }
}

function start({ name, client, peer }) {
  const flags = {
    name,
    'data-dir': join(folder, name),
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': nodes.map(node => `${node.name}=${node.peer}`).join(','),
    'initial-cluster-token': `kytos-${base}`,
    'auto-compaction-mode': 'periodic',
    'auto-compaction-retention': '24h',
    logger: 'zap',
    'log-level': 'error',
  }
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
  // Each member has its own process group, so that Ctrl-C reaches only this script, which stops the members.
  const child = spawn(process.env.ETCD_BINARY ?? 'etcd', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  })
  child.on('error', () =>
    fail('etcd was not found. Install it: apt-get install etcd-server etcd-client (or set ETCD_BINARY).'),
  )
  child.on('exit', code => {
    if (stopping) return
    console.error(`${name} exited${code ? ` with ${code}; its output is above` : ''}.`)
    if (children.every(other => other.exitCode !== null || other.signalCode !== null)) stop(1)
  })
  return child
}

async function stop(code) {
  if (stopping) return
  stopping = true
  const alive = children.filter(
    child => child.exitCode === null && child.signalCode === null && child.pid !== undefined,
  )
  await Promise.all(
    alive.map(child => {
      const gone = new Promise(done => child.once('exit', done))
      child.kill('SIGTERM')
      return gone
    }),
  )
  process.exit(code)
}

function answers(port) {
  return new Promise(done => {
    const socket = createConnection(port, '127.0.0.1')
    socket.once('connect', () => done(true)).once('error', () => done(false))
    socket.once('connect', () => socket.destroy())
  })
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
