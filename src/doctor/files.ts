import { constants } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from '../boot/config.ts'
import { broken, type Examined, type Finding, warning } from './finding.ts'

const MEBIBYTE = 1024 * 1024
/** Free space below which nothing can be written soon, and below which somebody should look. */
const SCARCE = 32 * MEBIBYTE
const LITTLE = 256 * MEBIBYTE

/** Whether what should be private is, what must be writable is, and how much room there is. */
export async function examineFiles(config: Config): Promise<Examined> {
  const { state_dir, controller, tls_cert, tls_key } = config.settings
  const own = join(state_dir, controller)
  const folders = config.settings.backend === 'filesystem' ? [own, config.filesystem.path, join(config.filesystem.path, 'journal')] : [own]
  const secrets = [
    ['password_file', config.etcd.password_file],
    ['key', config.etcd.key],
    ['tls_key', tls_key],
    ...(config.daemon.jwt_secret === undefined ? [] : [['jwt_secret', config.file] as const]),
  ] as const
  const found = await Promise.all([
    ...folders.map(examineFolder),
    ...secrets.map(([name, file]) => (file === undefined ? [] : examineSecret(name, file))),
    ...(tls_cert === undefined ? [] : [examineReadable(tls_cert)]),
    ...[own, ...(config.settings.backend === 'filesystem' ? [config.filesystem.path] : [])].map(examineSpace),
  ])
  return { part: 'files and disk', findings: found.flat() }
}

async function examineFolder(path: string): Promise<Finding[]> {
  const stats = await stat(path).catch(() => undefined)
  // The next start makes it.
  if (!stats) return (await isWritable(await nearestFolder(path))) ? [] : [unwritable(await nearestFolder(path))]
  if (!stats.isDirectory()) return [broken('folder.none', path, 'It should be a folder.', `mv ${path} ${path}.old`)]
  const findings: Finding[] = []
  if (!(await isWritable(path))) findings.push(unwritable(path))
  if ((stats.mode & 0o022) !== 0) {
    findings.push(broken('folder.open', path, 'Others on this host may write into it, and so change settings past every check.', `chmod 700 ${path}`))
  } else if ((stats.mode & 0o004) !== 0 && path.endsWith('journal')) {
    findings.push(warning('folder.readable', path, 'Everybody on this host may look into it.', `chmod 700 ${path}`))
  }
  return findings
}

async function examineSecret(name: string, file: string): Promise<Finding[]> {
  const stats = await stat(file).catch(() => undefined)
  if (!stats) return [broken('secret.absent', file, `The file of ${name} is not there.`, `Write it, or correct ${name} in kytos.ini.`)]
  const readable = await examineReadable(file)
  if ((stats.mode & 0o004) === 0) return readable
  return [...readable, warning('secret.readable', file, `Everybody on this host can read ${name}.`, `chmod 600 ${file}`)]
}

async function examineReadable(file: string): Promise<Finding[]> {
  const readable = await access(file, constants.R_OK).then(
    () => true,
    () => false,
  )
  return readable ? [] : [broken('file.unreadable', file, 'This user may not read it.', `chown ${userName()} ${file}`)]
}

async function examineSpace(path: string): Promise<Finding[]> {
  const at = await nearestFolder(path)
  const { bavail, bsize, ffree, files } = await statfs(at)
  const free = bavail * bsize
  const said = `${Math.floor(free / MEBIBYTE)} MiB are left on its disk`
  const repair = `df -h ${at}   # and make room there`
  if (free < SCARCE) return [broken('disk.full', path, `${said}: changes are refused when it is full.`, repair)]
  if (files > 0 && ffree < 1_000)
    return [broken('disk.full', path, `${ffree} files can still be made on its disk.`, `df -i ${at}   # and make room there`)]
  return free < LITTLE ? [warning('disk.little', path, `${said}.`, repair)] : []
}

async function nearestFolder(path: string): Promise<string> {
  const there = await stat(path).then(
    stats => stats.isDirectory(),
    () => false,
  )
  return there || dirname(path) === path ? path : nearestFolder(dirname(path))
}

async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
}

function unwritable(path: string): Finding {
  return broken(
    'folder.unwritable',
    path,
    'This user may not write here.',
    `chown -R ${userName()} ${path}   # or run this as the user of the service`,
  )
}

function userName(): string {
  return process.getuid ? String(process.getuid()) : 'USER'
}
