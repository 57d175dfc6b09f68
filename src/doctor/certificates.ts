import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { shellWord } from './commands.ts'
import { broken, type Finding, warning } from './finding.ts'

/** A file of certificates that the configuration names, and what becomes of a new one. */
export interface CertificateFile {
  readonly cert: string
  readonly key?: string | undefined
  /** Any of them is enough, as of authorities; else each has to be valid, as of those up to an authority. */
  readonly any?: boolean
  /** How a new one is taken up, as a comment behind a command. */
  readonly after: string
}

const MS_PER_DAY = 86_400_000
/** Days before its end from which a certificate should be renewed. */
const EXPIRY_WARNING_DAYS = 30
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * Whether the certificates in a file are valid now and stay so for a while, and whether the key is theirs;
 * says nothing of what cannot be read.
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
      const what = `${name} is not valid before ${instant(from)}; the clock of this host is at ${instant(now)}.`
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
      return [] // damaged, which whoever loads the file says
    }
  })
}

/** Undefined when the key cannot be read. */
async function matchesKey(certificate: X509Certificate, file: string): Promise<boolean | undefined> {
  try {
    return certificate.checkPrivateKey(createPrivateKey(await readFile(file)))
  } catch {
    return undefined // absent, or none, which whoever loads it says
  }
}

/**
 * The command that asks for a new one with the same names, for the key that there is; of an authority there
 * is nothing to ask for.
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
  const request = `openssl req -new -key ${shellWord(key)} -subj ${shellWord(subjectOf(certificate))}${extension} -out ${shellWord(`${cert}.csr`)}`
  return `${request}   # have your authority sign it, and replace ${cert} with the result; ${after}`
}

/** As `openssl req -subj` takes it. */
function subjectOf({ subject = '' }: X509Certificate): string {
  const parts = subject.split(/\n(?=\w+=)/).filter(part => part !== '')
  return parts.length === 0 ? '/' : parts.map(part => `/${part.replaceAll(/[\\/+]/g, '\\$&')}`).join('')
}

/** As `subjectAltName` of openssl takes them. */
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
