import type { Config } from '../boot/config.ts'

/*
 * Repairs are typed as they stand: with every path as one word of the shell, and with what the examined
 * configuration needs.
 */

/** A text as one word of a shell's command line. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** `kytos-settings` with these arguments, on the configuration that was examined. */
export function kytosSettings({ file }: Pick<Config, 'file'>, ...args: readonly string[]): string {
  return `kytos-settings ${args.join(' ')} -c ${shellWord(file)}`
}

/**
 * `etcdctl` for these endpoints, with the certificates of a configuration; as root where etcd has users, who
 * alone may do more than read and write.
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
  return `etcdctl ${flags.flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${shellWord(value)}`])).join(' ')} ${args}`
}

/** The editor of whoever reads this, on a file. */
export function edit(file: string): string {
  return `\${EDITOR:-vi} ${shellWord(file)}`
}

/** A command that takes more rights than this user has. */
export function asRoot(command: string): string {
  return `sudo ${command}`
}

/** Who runs this, as chown takes it. */
export function thisUser(): string {
  return process.getuid ? String(process.getuid()) : 'USER'
}
