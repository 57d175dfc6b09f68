import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

/** Etcd's own command line client, which is not ours: what it says of a store is the truth about it. */
export interface Etcdctl {
  /**
   * Runs a command, with `input` on its standard input, and gives what it printed.
   * @throws Error with what it said of its failure.
   */
  run(args: readonly string[], input?: string): Promise<string>
  /** Puts a value of any size; gives the revision. */
  put(key: string, value: string): Promise<bigint>
  /** Deletes a key that is there; gives the revision. */
  delete(key: string): Promise<bigint>
  /** The same of one that may not be; undefined when it is not. */
  deleteIfThere(key: string): Promise<bigint | undefined>
  get(key: string): Promise<string | undefined>
  /** The revision of the store, read from its quorum. */
  revision(): Promise<bigint>
  /** The lines that a command prints, until the reader leaves, which ends it. */
  lines(args: readonly string[]): AsyncGenerator<string, void, void>
}

export interface EtcdctlOptions {
  readonly endpoints: readonly string[]
  /** User and password, `root:secret`. */
  readonly user?: string
  /** Names of PEM files, for HTTPS with a client certificate. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
  /** The server's binary: a client that stands beside it is preferred to the one on the PATH. */
  readonly binary?: string | undefined
}

/** The program of this name that belongs to a server's binary, or the one on the PATH. */
export function programOf(binary: string | undefined, name: string): string | undefined {
  const beside = binary === undefined ? undefined : join(dirname(binary), name)
  return beside !== undefined && existsSync(beside) ? beside : undefined
}

/** A client of these endpoints; it connects anew for every command, so nothing of it grows old. */
export function createEtcdctl({ endpoints, user, tls, binary }: EtcdctlOptions): Etcdctl {
  const program = programOf(binary, 'etcdctl') ?? 'etcdctl'
  const connection = [
    `--endpoints=${endpoints.join(',')}`,
    ...(user === undefined ? [] : [`--user=${user}`]),
    ...(tls ? [`--cacert=${tls.ca}`, `--cert=${tls.cert}`, `--key=${tls.key}`] : []),
  ]
  const start = (args: readonly string[]) =>
    spawn(program, [...connection, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ETCDCTL_API: '3' },
    })

  const run = async (args: readonly string[], input = ''): Promise<string> => {
    const child = start(args)
    const out: Buffer[] = []
    let said = ''
    child.stdout.on('data', chunk => out.push(chunk))
    child.stderr.on('data', chunk => {
      said += chunk
    })
    // It may end before it has read all; how it ended says why.
    child.stdin.on('error', () => undefined).end(input)
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`etcdctl ${args.join(' ')} failed: ${said.trim().slice(-500)}`)
    return Buffer.concat(out).toString()
  }

  return {
    run,
    put: async (key, value) => revisionOf(await run(['put', key, '-w', 'json'], value)),
    delete: async key => revisionOf(await run(['del', key, '-w', 'json'])),
    deleteIfThere: async key => {
      const answer = await run(['del', key, '-w', 'json'])
      return /"deleted":[1-9]/.test(answer) ? revisionOf(answer) : undefined
    },
    get: async key => {
      const text = await run(['get', key, '--print-value-only'])
      return text === '' ? undefined : text.replace(/\n$/, '')
    },
    revision: async () => revisionOf(await run(['get', 'chaos/nothing', '-w', 'json'])),
    lines: async function* (args) {
      const child = start(args)
      const ended = once(child, 'close')
      child.stderr.resume()
      try {
        yield* createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY })
      } finally {
        child.kill('SIGKILL')
        await ended
      }
    },
  }
}

function revisionOf(answer: string): bigint {
  const found = /"revision":(\d+)/.exec(answer)?.[1]
  if (found === undefined) throw new Error(`etcdctl named no revision: ${answer.slice(0, 200)}`)
  return BigInt(found)
}
