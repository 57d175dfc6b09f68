import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { EtcdConfig } from './config.ts'
import { type ConfigProblem, configInvalid } from './problems.ts'

/**
 * The contents of the files of `[settings.etcd]`, never logged: PEM bytes unchanged, the password without its
 * final newline.
 */
export interface EtcdSecrets {
  readonly password?: string
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  /** Sentences for the operator about secrets that all users of this host can read. */
  readonly warnings: readonly string[]
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * Reads the password and PEM files that the configuration names.
 * @throws SettingsError CONFIG_INVALID with every file that is missing, unreadable, empty or invalid, and a
 * key that does not match its certificate.
 */
export async function loadEtcdSecrets(config: EtcdConfig): Promise<EtcdSecrets> {
  const problems: ConfigProblem[] = []
  const warnings: string[] = []

  const load = async (
    name: 'password_file' | 'ca' | 'cert' | 'key',
    secret: boolean,
  ): Promise<Buffer | undefined> => {
    const path = config[name]
    if (path === undefined) return undefined
    try {
      const { bytes, mode } = await readWithMode(path)
      if (secret && (mode & 0o004) !== 0)
        warnings.push(
          `[settings.etcd] ${name} ${path} is readable by all users of this host. Run: chmod 600 ${path}`,
        )
      return bytes
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      const why =
        { ENOENT: 'does not exist', EISDIR: 'is a folder', EACCES: 'is not readable by this process' }[
          code
        ] ?? `cannot be read (${code})`
      problems.push({ message: `[settings.etcd] ${name} ${path} ${why}.` })
      return undefined
    }
  }

  // Loaded one after the other, so that the order of the problems is always the same.
  const secret = await load('password_file', true)
  const ca = await load('ca', false)
  const cert = await load('cert', false)
  const key = await load('key', true)
  const password = secret?.toString('utf8').replace(/\r?\n$/, '')
  if (password === '')
    problems.push({
      message:
        `[settings.etcd] password_file ${config.password_file} is empty. ` +
        'Write the password into its first line.',
    })
  if (ca) problems.push(...checkCertificates('ca', config.ca, ca))
  if (cert) problems.push(...checkCertificates('cert', config.cert, cert))
  if (key) problems.push(...checkKey(config, key, cert))
  if (problems.length > 0) throw configInvalid('etcd credentials', problems)
  return {
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    warnings,
  }
}

/** The bytes and the mode of the same file, even if its name is concurrently reused. */
async function readWithMode(path: string): Promise<{ readonly bytes: Buffer; readonly mode: number }> {
  const file = await open(path)
  try {
    const [bytes, { mode }] = [await file.readFile(), await file.stat()]
    return { bytes, mode }
  } finally {
    await file.close()
  }
}

function checkCertificates(
  name: 'ca' | 'cert',
  path: string | undefined,
  pem: Buffer,
): readonly ConfigProblem[] {
  const blocks = pem.toString('latin1').match(CERTIFICATE) ?? []
  const expected = 'expected PEM, which starts with "-----BEGIN CERTIFICATE-----"'
  if (blocks.length === 0)
    return [{ message: `[settings.etcd] ${name} ${path} contains no certificate: ${expected}.` }]
  return blocks.flatMap((block, i) =>
    parseCertificate(block)
      ? []
      : [
          {
            message:
              `[settings.etcd] ${name} ${path} is damaged: ` +
              `its certificate ${i + 1} of ${blocks.length} cannot be read.`,
          },
        ],
  )
}

function checkKey(config: EtcdConfig, pem: Buffer, cert: Buffer | undefined): readonly ConfigProblem[] {
  const key = parseKey(pem)
  if (!key)
    return [{ message: `[settings.etcd] key ${config.key} is not an unencrypted private key in PEM.` }]
  const [block] = cert?.toString('latin1').match(CERTIFICATE) ?? []
  const certificate = block === undefined ? undefined : parseCertificate(block)
  if (!certificate || certificate.checkPrivateKey(key)) return []
  return [{ message: `[settings.etcd] key ${config.key} does not match the certificate ${config.cert}.` }]
}

/** The certificate; undefined if it is invalid, because OpenSSL's reason does not help an operator. */
function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

function parseKey(pem: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}
