import { shellWord } from '../../model/quote.ts'
import type { Config } from '../boot/config.ts'

/*
 * The commands of repairs can be run unchanged: each path is one word of the shell, and each command contains
 * the options that the examined configuration requires.
 */

/** The `kytos-settings` command with these arguments and the examined configuration. */
export function kytosSettings({ file }: Pick<Config, 'file'>, ...args: readonly string[]): string {
  return `kytos-settings ${args.join(' ')} -c ${shellWord(file)}`
}

/**
 * The `etcdctl` command for these endpoints, with the certificates of a configuration. It uses root if etcd
 * has users, because only root may do more than read and write.
 */
export function etcdctl(
  { ca, cert, key, username }: Config['etcd'],
  endpoints: readonly string[],
  args: string,
): string {
  const flags = [
    ['endpoints', endpoints.join(',')],
    ['cacert', ca],
    ['cert', cert],
    ['key', key],
    ['user', username && 'root'],
  ] as const
  const given = flags.flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${shellWord(value)}`],
  )
  return `etcdctl ${given.join(' ')} ${args}`
}

/** The command that opens a file in the operator's editor. */
export function edit(file: string): string {
  return `\${EDITOR:-vi} ${shellWord(file)}`
}

/** A command that requires root. */
export function asRoot(command: string): string {
  return `sudo ${command}`
}

/** The user of this process, in the syntax of chown. */
export function thisUser(): string {
  return process.getuid ? String(process.getuid()) : 'USER'
}
