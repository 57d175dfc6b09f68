import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Config } from '../../../src/boot/config.ts'
import type { Log } from '../../../src/log/log.ts'

/** An empty folder of NApps that goes away with the test. */
export async function temporaryTree(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'kytos-napps-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  return root
}

/** Writes files below a folder; an object is written as JSON. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | object>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
  }
}

/**
 * Puts a NApp into `.installed`; `manifest` and `files` are laid over a good one whose main is `main.mjs`.
 */
export async function installed(
  root: string,
  id: string,
  main: string,
  manifest: object = {},
  files: Readonly<Record<string, string | object>> = {},
) {
  const [username, name] = id.split('/')
  const folder = join(root, '.installed', id)
  await writeFiles(folder, {
    'napp.json': { username, name, main: 'main.mjs', ...manifest },
    'main.mjs': main,
    ...files,
  })
  return folder
}

/** As {@link installed}, and enabled by Kytos' relative link. */
export async function enabled(
  root: string,
  id: string,
  main: string,
  manifest: object = {},
  files: Readonly<Record<string, string | object>> = {},
) {
  const folder = await installed(root, id, main, manifest, files)
  await linked(root, id)
  return folder
}

export async function linked(root: string, id: string): Promise<void> {
  await mkdir(dirname(join(root, id)), { recursive: true })
  await symlink(`../.installed/${id}`, join(root, id))
}

/** A configuration for a tree of NApps; nothing in it but that tree exists. */
export function configFor(root: string, preInstalled: readonly string[] = []): Config {
  return {
    file: join(root, 'kytos.ini'),
    daemon: { listen: '127.0.0.1', api_port: 0, napps: root, napps_pre_installed: preInstalled },
    settings: {
      backend: 'filesystem',
      controller: 'test',
      listen: '127.0.0.1',
      port: 0,
      hosts: [],
      authentication: 'none',
      allow_anonymous: false,
      jwt_rights: [],
      state_dir: join(root, 'state'),
      keys: join(root, 'keys.json'),
      strict: false,
      history: 50,
      hook_timeout: 2,
      setup_timeout: 10,
      start_timeout: 30,
      reconcile: 300,
      log: 'auto',
    },
    filesystem: { path: join(root, 'store') },
    etcd: { endpoints: [], prefix: '/kytos', timeout: 5 },
  }
}

/** A log that keeps its lines, `LEVEL name: message`. */
export function keepingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  const named = (name: string): Log => ({
    info: message => void lines.push(`INFO ${name}: ${message}`),
    warn: message => void lines.push(`WARN ${name}: ${message}`),
    error: message => void lines.push(`ERROR ${name}: ${message}`),
    child: named,
  })
  return { ...named('host'), lines }
}
