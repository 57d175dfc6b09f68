import { readFile, stat } from 'node:fs/promises'
import type { Server } from 'node:https'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { SettingsError } from '../../../model/errors.ts'
import type { Log } from '../../log/log.ts'

/**
 * The files of a certificate and its key; `checkInterval` is the interval of checks for new files in
 * milliseconds, 10,000 by default.
 */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
  readonly checkInterval?: number
}

/** A loaded certificate, with the options for a server. */
export interface Certificate {
  readonly files: CertificateFiles
  readonly options: SecureContextOptions
  /** Identifies the state of the files. */
  readonly stamp: string
}

const CHECK_INTERVAL_MS = 10_000

/**
 * Reads a certificate and its key.
 * @throws SettingsError CONFIG_INVALID naming the file that is missing or wrong.
 */
export async function loadCertificate(files: CertificateFiles): Promise<Certificate> {
  // Before the reads, because a write during the reads must be noticed as another state.
  const stamp = await stampOf(files)
  const [cert, key] = [await read('tls_cert', files.cert), await read('tls_key', files.key)]
  const options: SecureContextOptions = { cert, key, minVersion: 'TLSv1.2' }
  try {
    createSecureContext(options)
  } catch (cause) {
    throw new SettingsError(
      'CONFIG_INVALID',
      `[settings] tls_cert ${files.cert} and tls_key ${files.key} are not a certificate and its key` +
        ` (${cause instanceof Error ? cause.message : cause}). Both must be PEM, the key without a passphrase.`,
      { cause },
    )
  }
  return { files, options, stamp }
}

/**
 * Reloads the certificate for new connections when its files change; an invalid one is logged and the current
 * one stays.
 */
export function followCertificate(
  app: FastifyInstance,
  { files, stamp: first }: Certificate,
  log: Log,
): void {
  let loadedStamp = first
  let rejectedStamp: string | undefined
  const reloadIfChanged = async (): Promise<void> => {
    const stamp = await stampOf(files)
    if (stamp === loadedStamp || stamp === rejectedStamp) return
    try {
      const renewed = await loadCertificate(files)
      // A server with a certificate is an HTTPS server.
      const server = app.server as unknown as Server
      server.setSecureContext(renewed.options)
      loadedStamp = renewed.stamp
      rejectedStamp = undefined
      log.info(`Loaded the new certificate ${files.cert}.`)
    } catch (error) {
      // The two files are rarely written at once: a mismatch now may match at the next check.
      rejectedStamp = stamp
      log.warn(
        `The new certificate was rejected, and the current one stays in use: ${error instanceof Error ? error.message : error}`,
      )
    }
  }
  let lastCheck: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    lastCheck = lastCheck.then(reloadIfChanged)
  }, files.checkInterval ?? CHECK_INTERVAL_MS)
  timer.unref()
  app.addHook('onClose', async () => clearInterval(timer))
}

/** A text that changes when one of the files changes. */
async function stampOf({ cert, key }: CertificateFiles): Promise<string> {
  const stamps = [cert, key].map(async file => {
    const found = await stat(file, { bigint: true }).catch(() => undefined)
    return found ? `${found.ino}.${found.mtimeNs}.${found.size}` : 'none'
  })
  return (await Promise.all(stamps)).join(' ')
}

async function read(name: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new SettingsError(
      'CONFIG_INVALID',
      `[settings] ${name} ${file} cannot be read: ${cause instanceof Error ? cause.message : cause}.`,
      {
        cause,
      },
    )
  }
}
