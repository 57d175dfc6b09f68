import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A program of this folder as plain JavaScript, which starts in a fraction of the time, and for any user. */
export interface Program {
  /** What `node` is to run. */
  readonly file: string
  remove(): Promise<void>
}

/**
 * Compiles a program of this folder, such as `filesystem-victim`, and what it imports of ours. It may import
 * nothing else but Node's own modules.
 */
export async function compileProgram(name: string): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-program-'))
  const source = join(ROOT, 'test', 'chaos', `${name}.ts`)
  const options = {
    outDir: folder,
    rootDir: ROOT,
    declaration: false,
    sourceMap: false,
    types: [],
    noCheck: true,
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.build.json'),
      compilerOptions: options,
      files: [source],
      include: [],
    }),
  )
  await promisify(execFile)(process.execPath, [
    join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    folder,
  ])
  await chmod(folder, 0o755)
  return {
    file: join(folder, 'test', 'chaos', `${name}.js`),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
