#!/usr/bin/env node
// Builds an etcd server of one version from the Go module proxy, once, and prints the path of its binary for
// ETCD_BINARY. Usage:
//
//   ETCD_BINARY=$(node scripts/etcd-build.mjs [version]) npm test -- test/conformance/etcd.test.ts

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const DEFAULT_VERSION = '3.5.35'
const USAGE = `Usage: node scripts/etcd-build.mjs [version]

Builds the etcd server of this version (default: ${DEFAULT_VERSION}; oldest: 3.5.0) with Go,
which downloads its sources. Prints the path of the binary, which is cached in node_modules/.cache.`
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { help, version } = readArguments()
if (help) console.log(USAGE)
else console.log(build())

function build() {
  const folder = join(root, 'node_modules', '.cache', 'etcd-build', version)
  const binary = join(folder, 'etcd')
  if (existsSync(binary)) return binary
  const { error, status } = spawnSync('go', ['version'], { stdio: 'ignore' })
  if (error || status !== 0)
    fail(
      'The build of etcd requires Go. Install it: https://go.dev/doc/install ' +
        '(or on Debian: apt-get install golang-go).',
    )
  console.error(`Building etcd ${version}; the first build takes some minutes ...`)
  mkdirSync(folder, { recursive: true })
  copyFileSync(join(root, 'scripts', 'etcd-build', 'main.go'), join(folder, 'main.go'))
  if (!existsSync(join(folder, 'go.mod'))) go(folder, 'mod', 'init', 'etcd-build')
  go(folder, 'get', `go.etcd.io/etcd/server/v3@v${version}`)
  // Renamed once it is complete, so that an interrupted build leaves no partial binary.
  const unfinished = `etcd.${process.pid}`
  go(folder, 'build', '-trimpath', '-ldflags=-s -w', '-o', unfinished, '.')
  renameSync(join(folder, unfinished), binary)
  return binary
}

function go(folder, ...args) {
  // Overrides the machine's settings, so that the modules are those of the folder only.
  const env = { ...process.env, GOFLAGS: '-mod=mod -buildvcs=false', GOWORK: 'off' }
  const { status } = spawnSync('go', args, {
    cwd: folder,
    env,
    stdio: ['ignore', 'inherit', 'inherit'].map((way, n) => (n === 1 ? process.stderr : way)),
  })
  if (status !== 0)
    fail(
      `"go ${args.join(' ')}" failed in ${folder}, with the output above. ` +
        `Check that etcd ${version} exists and that the Go module proxy is reachable.`,
    )
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: { help: { type: 'boolean' } },
      allowPositionals: true,
    })
    const [wanted = DEFAULT_VERSION, ...more] = positionals
    if (more.length > 0 || !/^\d+\.\d+\.\d+(-[a-z]+\.\d+)?$/.test(wanted))
      fail(`A version must be three numbers, such as ${DEFAULT_VERSION}.\n${USAGE}`)
    return { help: values.help === true, version: wanted }
  } catch (error) {
    return fail(`${error.message}\n${USAGE}`)
  }
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
