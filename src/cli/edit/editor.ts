import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { SettingsError } from '../../../model/errors.ts'
import type { World } from '../terminal/world.ts'

const USUAL = ['vi', 'nano']

/**
 * Has a person edit a file: $VISUAL, else $EDITOR, which may have arguments, else vi or nano. Resolves when they leave the editor.
 * @throws SettingsError EDITOR_FAILED when there is none, or it ends with anything but 0.
 */
export async function runEditor(file: string, { cwd, env }: World): Promise<void> {
  const editor = env.VISUAL?.trim() || env.EDITOR?.trim() || usualEditor(env.PATH ?? '')
  if (editor === undefined) throw new SettingsError('EDITOR_FAILED', 'There is no editor: name one in $VISUAL or $EDITOR.')
  // By a shell, as git does: what the variable holds is a command with arguments. Ctrl-C must not end that shell before the editor.
  const child = spawn('/bin/sh', ['-c', `trap : INT QUIT; ${editor} "$@"`, editor, file], { cwd, env: { ...env }, stdio: 'inherit' })
  // Ctrl-C is the editor's while it has the terminal; it comes to all who are there.
  const ignore = (): void => {}
  process.on('SIGINT', ignore).on('SIGQUIT', ignore)
  try {
    const end = await new Promise<number | string | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => resolve(code ?? signal))
    })
    if (end !== 0) throw new SettingsError('EDITOR_FAILED', `The editor "${editor}" ended with ${end}.`)
  } finally {
    process.off('SIGINT', ignore).off('SIGQUIT', ignore)
  }
}

function usualEditor(path: string): string | undefined {
  const folders = path.split(delimiter).filter(folder => folder !== '')
  return USUAL.find(name => folders.some(folder => existsSync(join(folder, name))))
}
