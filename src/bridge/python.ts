import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { SettingsError } from '../../model/errors.ts'
import { reasonOf } from '../../model/failure.ts'
import { parseJson } from '../../model/json.ts'
import { isObject } from '../../model/value.ts'
import type { Kytosd } from './kytosd.ts'

/** The Python installation that runs kytosd. */
export interface Python {
  readonly executable: string
  readonly version: string
  /** Its folder of packages. */
  readonly packages: string
}

const PROBE_TIMEOUT_MS = 30_000
const PROBE = `import importlib.util, json, sys, sysconfig
print(json.dumps({"version": "%d.%d.%d" % sys.version_info[:3], "packages": sysconfig.get_paths()["purelib"],
                  "kytos": importlib.util.find_spec("kytos") is not None}))`

/**
 * Finds the Python of kytosd: the named one, else that of the first line of the script `kytosd`.
 * @throws SettingsError CONFIG_INVALID if none is found, or it does not contain Kytos.
 */
export async function findPython(
  named: string | undefined,
  kytosd: Kytosd,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Python> {
  const executable = named ?? (await pythonOfScript(kytosd, env))
  if (executable === undefined)
    throw unusable('No script "kytosd" was found. Name the Python that runs kytosd: --python FILE.')
  const { version, packages, kytos } = await probe(executable)
  if (typeof version !== 'string' || typeof packages !== 'string' || kytos !== true)
    throw unusable(
      `${executable} does not contain the package kytos. Name the Python that runs kytosd: --python FILE.`,
    )
  return { executable, version, packages }
}

async function pythonOfScript(
  { base }: Kytosd,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const folders = [...(base === undefined ? [] : [join(base, 'bin')]), ...(env.PATH ?? '').split(delimiter)]
  const script = folders.map(folder => join(folder, 'kytosd')).find(file => existsSync(file))
  if (script === undefined) return undefined
  const [first = ''] = (await readFile(script, 'utf8')).split('\n')
  return /^#!\s*(\/\S*python[\d.]*)\s*$/.exec(first)?.[1]
}

async function probe(executable: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    // -I: no variable and no folder of this user selects other packages.
    const { stdout } = await promisify(execFile)(executable, ['-I', '-c', PROBE], {
      timeout: PROBE_TIMEOUT_MS,
    })
    const answer = parseJson(stdout)
    return isObject(answer) ? answer : {}
  } catch (cause) {
    throw unusable(`${executable} does not run as Python: ${reasonOf(cause)}`, cause)
  }
}

function unusable(message: string, cause?: unknown): SettingsError {
  return new SettingsError('CONFIG_INVALID', message, { cause })
}
