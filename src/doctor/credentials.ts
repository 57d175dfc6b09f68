import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { toSettingsError } from '../../model/errors.ts'
import { shellWord } from '../../model/quote.ts'
import type { Config } from '../boot/config.ts'
import { chooseBackend } from '../boot/store-choice.ts'
import { loadCertificate } from '../http/auth/certificate.ts'
import { type CertificateFile, examineCertificates } from './certificates.ts'
import { asRoot, kytosSettings, thisUser } from './commands.ts'
import { broken, type Examination, type Finding, warning } from './finding.ts'
import { asOwner, findOtherOwner } from './other-user.ts'

/** A file that the configuration names. */
interface NamedFile {
  readonly name: string
  readonly file: string | undefined
  readonly isSecret?: boolean
}

/**
 * Examines whether the files that the configuration names exist, are private where required, and contain
 * valid certificates, keys and passwords.
 */
export async function examineCredentials(
  config: Config,
): Promise<Examination & { readonly usable: boolean }> {
  const named = namedFiles(config)
  const files = await Promise.all(named.map(one => examineFile(one, config)))
  const certificates = await Promise.all(certificateFiles(config).map(one => examineCertificates(one)))
  const missing = new Set(
    files.flat().flatMap(({ code, where }) => (code === 'secret.readable' ? [] : [where])),
  )
  const foreign = new Set(
    certificates.flat().flatMap(({ code, where }) => (code === 'certificate.key' ? [where] : [])),
  )
  const rest = await examineContents(
    config,
    file => file !== undefined && !missing.has(file) && !foreign.has(file),
  )
  const findings = [...files.flat(), ...certificates.flat(), ...rest]
  const { ca, cert, key, password_file } = config.etcd
  const ofEtcd = [config.file, ca, cert, key, password_file]
  const usable = !findings.some(({ code, where }) => UNUSABLE.includes(code) && ofEtcd.includes(where))
  return { part: 'certificates and secrets', findings, usable }
}

/** The findings about files with which the store cannot be opened. */
const UNUSABLE: readonly Finding['code'][] = [
  'config.credentials',
  'file.absent',
  'file.unreadable',
  'certificate.key',
]

function namedFiles({ file, daemon, etcd, settings }: Config): readonly NamedFile[] {
  const ofEtcd =
    settings.backend === 'etcd'
      ? [
          { name: 'password_file of [settings.etcd]', file: etcd.password_file, isSecret: true },
          { name: 'ca of [settings.etcd]', file: etcd.ca },
          { name: 'cert of [settings.etcd]', file: etcd.cert },
          { name: 'key of [settings.etcd]', file: etcd.key, isSecret: true },
        ]
      : []
  return [
    ...ofEtcd,
    { name: 'tls_cert of [settings]', file: settings.tls_cert },
    { name: 'tls_key of [settings]', file: settings.tls_key, isSecret: true },
    ...(daemon.jwt_secret === undefined ? [] : [{ name: 'jwt_secret of [daemon]', file, isSecret: true }]),
  ]
}

function certificateFiles({ etcd, settings }: Config): readonly CertificateFile[] {
  const after = 'a running service reads it again once etcd refuses the current one'
  const { tls_cert, tls_key } = settings
  return [
    ...(tls_cert === undefined
      ? []
      : [{ cert: tls_cert, key: tls_key, after: 'a running service reloads it within ten seconds' }]),
    ...(settings.backend !== 'etcd' || etcd.cert === undefined
      ? []
      : [{ cert: etcd.cert, key: etcd.key, after }]),
    ...(settings.backend !== 'etcd' || etcd.ca === undefined ? [] : [{ cert: etcd.ca, any: true, after }]),
  ]
}

async function examineFile({ name, file, isSecret = false }: NamedFile, config: Config): Promise<Finding[]> {
  if (file === undefined) return []
  const found = await stat(file).catch((cause: NodeJS.ErrnoException) => cause.code ?? 'unknown')
  if (found === 'ENOENT' || found === 'ENOTDIR') {
    return [
      broken(
        'file.absent',
        file,
        `The file of ${name} does not exist.`,
        `ls -l ${shellWord(file)}   # create it, or correct ${shellWord(config.file)}`,
      ),
    ]
  }
  const findings: Finding[] = []
  if (typeof found === 'string' || !(await isReadable(file))) {
    const other = await findOtherOwner(config, file)
    findings.push(
      broken(
        'file.unreadable',
        file,
        `User ${thisUser()} cannot read the file of ${name}.`,
        other ? asOwner(config, other.uid) : grantReadCommand(file, isSecret),
      ),
    )
  }
  if (isSecret && typeof found !== 'string' && (found.mode & 0o004) !== 0) {
    findings.push(
      warning(
        'secret.readable',
        file,
        `All users of this host can read ${name}.`,
        `chmod o-rwx ${shellWord(file)}`,
      ),
    )
  }
  return findings
}

/** The command that makes a file readable: a secret becomes this user's, any other file keeps its owner. */
function grantReadCommand(file: string, isSecret: boolean): string {
  const repair = isSecret
    ? `chown ${thisUser()} ${shellWord(file)} && sudo chmod 600 ${shellWord(file)}`
    : `chmod a+r ${shellWord(file)}`
  return `${asRoot(repair)}   # check its folders too: namei -l ${shellWord(file)}`
}

/** The findings of a start about the contents of the files without an earlier finding. */
async function examineContents(
  config: Config,
  isSound: (file: string | undefined) => boolean,
): Promise<Finding[]> {
  const findings: Finding[] = []
  const check = async (where: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      const repair = `${kytosSettings(config, 'doctor')}   # after the named files are corrected`
      findings.push(broken('config.credentials', where, toSettingsError(error).message, repair))
    }
  }
  const { endpoints, prefix, timeout, username, password_file, ca, cert, key } = config.etcd
  const etcd = {
    ...{ endpoints, prefix, timeout },
    ...(username !== undefined &&
      password_file !== undefined &&
      isSound(password_file) && { username, password_file }),
    ...(ca !== undefined && isSound(ca) && { ca }),
    ...(cert !== undefined && key !== undefined && isSound(cert) && isSound(key) && { cert, key }),
  }
  // The module of another package is examined with its store.
  // The folder of a store is examined with that store, which reports write permissions of others.
  const isOpen =
    config.settings.backend === 'filesystem' && (await isWritableByOthers(config.filesystem.path))
  if (!config.other && !isOpen) await check(config.file, () => chooseBackend({ ...config, etcd }, () => {}))
  const { tls_cert, tls_key } = config.settings
  if (tls_cert !== undefined && tls_key !== undefined && isSound(tls_cert) && isSound(tls_key)) {
    await check(tls_cert, () => loadCertificate({ cert: tls_cert, key: tls_key }))
  }
  return findings
}

async function isReadable(file: string): Promise<boolean> {
  return access(file, constants.R_OK).then(
    () => true,
    () => false,
  )
}

/**
 * Examines the file with the admin token of a running service: each of its readers can administer the
 * service.
 */
export async function examineLocalAuth({
  settings: { state_dir, controller },
}: Config): Promise<readonly Finding[]> {
  const file = join(state_dir, controller, 'service.json')
  const found = await stat(file).catch(() => undefined)
  if (!found || (found.mode & 0o004) === 0) return []
  return [
    warning(
      'secret.readable',
      file,
      'All users of this host can read the admin token of this service.',
      `chmod 600 ${shellWord(file)}`,
    ),
  ]
}

async function isWritableByOthers(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && (found.mode & 0o022) !== 0
}
