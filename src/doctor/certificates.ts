import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { shellWord } from '../../model/quote.ts'
import { broken, type Finding, warning } from './finding.ts'

/** A file of certificates that the configuration names, and how a new one takes effect. */
export interface CertificateFile {
  readonly cert: string
  readonly key?: string | undefined
  /** True when one valid certificate is enough, as of authorities; otherwise each one must be valid. */
  readonly any?: boolean
  /** The step after a replacement, as a comment behind a command. */
  readonly after: string
}

const MS_PER_DAY = 86_400_000
/** The number of days before the end of a certificate in which a warning is reported. */
const EXPIRY_WARNING_DAYS = 30
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * Examines whether the certificates in a file are valid now and in the near future, and whether they match
 * the key. Unreadable content is ignored here, because another check reports it.
 */
export async function examineCertificates(
  file: CertificateFile,
  now = Date.now(),
): Promise<readonly Finding[]> {
  const { cert, key, any = false, after } = file
  const found = parseCertificates(await readFile(cert, 'latin1').catch(() => ''))
  const [first] = found
  if (!first) return []
  const isValid = (one: X509Certificate): boolean =>
    Date.parse(one.validFrom) <= now && now < Date.parse(one.validTo)
  const wrong = any && found.some(isValid) ? warning : broken
  const findings = found.flatMap((one): Finding[] => {
    const [from, to] = [Date.parse(one.validFrom), Date.parse(one.validTo)]
    const name = describe(one)
    const repair = renewCommand(cert, key, one, after)
    if (now >= to) return [wrong('certificate.expired', cert, `${name} expired on ${instant(to)}.`, repair)]
    if (now < from) {
      const clock = `the clock of this host is at ${instant(now)}`
      const what = `${name} is not valid before ${instant(from)}; ${clock}.`
      return [
        wrong(
          'certificate.early',
          cert,
          what,
          'timedatectl set-ntp true   # if that clock is wrong; otherwise wait, or renew the certificate',
        ),
      ]
    }
    if (to - now >= EXPIRY_WARNING_DAYS * MS_PER_DAY) return []
    return [
      warning(
        'certificate.expiring',
        cert,
        `${name} expires on ${instant(to)}, ${inDays(to - now)}.`,
        repair,
      ),
    ]
  })
  if (key === undefined || (await matchesKey(first, key)) !== false) return findings
  const what = `${shellWord(key)} does not match ${describe(first)}; TLS requires a matching pair.`
  return [...findings, broken('certificate.key', cert, what, renewCommand(cert, key, first, after))]
}

function parseCertificates(pem: string): X509Certificate[] {
  return (pem.match(BLOCK) ?? []).flatMap(block => {
    try {
      return [new X509Certificate(block)]
    } catch {
      return [] // damaged, which the check that loads the file reports
    }
  })
}

/** True when the key matches the certificate; undefined when the key cannot be read. */
async function matchesKey(certificate: X509Certificate, file: string): Promise<boolean | undefined> {
  try {
    return certificate.checkPrivateKey(createPrivateKey(await readFile(file)))
  } catch {
    return undefined // absent or not a key, which the check that loads the file reports
  }
}

/**
 * The command that requests a new certificate with the same names for the existing key. For a file without a
 * key, an authority, it shows the certificate, because the request is made elsewhere.
 */
function renewCommand(
  cert: string,
  key: string | undefined,
  certificate: X509Certificate,
  after: string,
): string {
  if (key === undefined)
    return `openssl x509 -noout -text -in ${shellWord(cert)}   # request a new one from its issuer; ${after}`
  const names = namesOf(certificate)
  const extension = names === undefined ? '' : ` -addext ${shellWord(`subjectAltName=${names}`)}`
  const request =
    `openssl req -new -key ${shellWord(key)} -subj ${shellWord(subjectOf(certificate))}${extension} ` +
    `-out ${shellWord(`${cert}.csr`)}`
  return `${request}   # have your authority sign it, and replace ${cert} with the result; ${after}`
}

/** The subject in the syntax of `openssl req -subj`. */
function subjectOf({ subject = '' }: X509Certificate): string {
  const parts = subject.split(/\n(?=\w+=)/).filter(part => part !== '')
  return parts.length === 0 ? '/' : parts.map(part => `/${part.replaceAll(/[\\/+]/g, '\\$&')}`).join('')
}

/** The alternative names in the syntax of openssl's `subjectAltName`. */
function namesOf({ subjectAltName }: X509Certificate): string | undefined {
  return subjectAltName?.replaceAll('IP Address:', 'IP:').replaceAll(', ', ',')
}

function describe({ subject }: X509Certificate): string {
  return `The certificate of ${subject?.replaceAll('\n', ', ') || '(no subject)'}`
}

function instant(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}

function inDays(ms: number): string {
  const days = Math.floor(ms / MS_PER_DAY)
  return days === 0 ? 'within a day' : days === 1 ? 'in a day' : `in ${days} days`
}
