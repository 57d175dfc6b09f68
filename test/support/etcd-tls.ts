import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * The PEM of one authority and of a client certificate; `folder` contains them and a server certificate as
 * `ca.pem`, `client.pem`, `server.pem`, ...
 */
export interface Certificates {
  readonly folder: string
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const LOOPBACK = 'DNS:localhost,IP:127.0.0.1'

/** Creates a new authority and certificates in `folder` with openssl, valid for a day. */
export async function makeCertificates(folder: string, names = LOOPBACK): Promise<Certificates> {
  const at = (name: string): string => join(folder, name)
  await run('openssl', [
    'req',
    '-x509',
    ...CURVE,
    '-keyout',
    at('ca-key.pem'),
    '-out',
    at('ca.pem'),
    '-subj',
    '/CN=test authority',
    '-days',
    '1',
  ])
  await renewServerCertificate(folder, names)
  await certify(folder, 'client', 'extendedKeyUsage=clientAuth\n')
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'client.pem', 'client-key.pem'].map(name => readFile(at(name))),
  )
  if (!ca || !cert || !key) throw new Error('Three files were read.')
  return { folder, ca, cert, key }
}

/** Replaces the server's key and certificate by new ones of the same authority. */
export function renewServerCertificate(folder: string, names = LOOPBACK): Promise<void> {
  return certify(folder, 'server', `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`)
}

async function certify(folder: string, name: string, extensions: string): Promise<void> {
  const at = (ending: string): string => join(folder, `${name}${ending}`)
  const [authority, authorityKey] = [join(folder, 'ca.pem'), join(folder, 'ca-key.pem')]
  await writeFile(at('.ext'), extensions)
  await run('openssl', [
    'req',
    ...CURVE,
    '-keyout',
    at('-key.pem'),
    '-out',
    at('.csr'),
    '-subj',
    `/CN=${name}`,
  ])
  const signed = [
    '-CA',
    authority,
    '-CAkey',
    authorityKey,
    '-CAcreateserial',
    '-days',
    '1',
    '-extfile',
    at('.ext'),
  ]
  await run('openssl', ['x509', '-req', '-in', at('.csr'), '-out', at('.pem'), ...signed])
}
