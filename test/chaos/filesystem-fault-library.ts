import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A library that lets file system calls of a process fail; `filesystem-faults.c` says how. */
export interface FaultLibrary {
  /** The environment of a process whose calls below `folder` fail as `fault` says. */
  environment(faults: Faults): NodeJS.ProcessEnv
  remove(): Promise<void>
}

export interface Faults {
  readonly folder: string
  readonly log: string
  /**
   * Which call of a name fails, with which errno, whether all later ones do, and whether it is carried out.
   */
  readonly fault?: Fault
  /** The call before which the process is killed. */
  readonly kill?: number
  /** How long, in milliseconds, the process waits for files to show their documents. */
  readonly patience?: number
  /** How the process ends when it was not killed before. */
  readonly end: 'close' | 'kill'
}

export interface Fault {
  readonly name: string
  readonly number: number
  readonly errno: number
  readonly lasts: boolean
  readonly after: boolean
}

/** Compiles the library with the C compiler of this machine. */
export async function compileFaultLibrary(): Promise<FaultLibrary> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-faults-'))
  const library = join(folder, 'faults.so')
  const source = fileURLToPath(new URL('filesystem-faults.c', import.meta.url))
  await promisify(execFile)('cc', [
    '-shared',
    '-fPIC',
    '-O1',
    '-Wall',
    '-Werror',
    '-o',
    library,
    source,
    '-ldl',
    '-lpthread',
  ])
  return {
    environment: ({ folder, log, fault, kill, patience, end }) => ({
      ...process.env,
      LD_PRELOAD: library,
      FAULT_FOLDER: folder,
      FAULT_SKIP: join(folder, 'journal'),
      FAULT_LOG: log,
      FAULT_END: end,
      ...(patience !== undefined && { FAULT_PATIENCE: String(patience) }),
      ...(fault && {
        FAULT: [
          fault.name,
          fault.number,
          fault.errno,
          fault.lasts ? 'always' : 'once',
          fault.after ? 'after' : 'before',
        ].join(' '),
      }),
      ...(kill !== undefined && { FAULT_KILL: String(kill) }),
    }),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
