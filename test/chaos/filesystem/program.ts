import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

let program: Promise<string> | undefined

/**
 * The file of the controller's process as plain JavaScript, which starts in a third of the time that
 * TypeScript takes; compiled once, removed when this process ends. @throws Error with the compiler's output.
 */
export function compileChild(): Promise<string> {
  program ??= compile()
  return program
}

async function compile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-chaos-program-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const options = {
    outDir: folder,
    rootDir: ROOT,
    noEmit: false,
    sourceMap: true,
    noCheck: true,
    typeRoots: [join(ROOT, 'node_modules/@types')],
  }
  const files = [join(ROOT, 'test/chaos/filesystem/child.ts')]
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions: options, files, include: [] }),
  )
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  await promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder])
  return join(folder, 'test/chaos/filesystem/child.js')
}
