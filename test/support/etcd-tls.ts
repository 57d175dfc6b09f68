import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** PEM of one authority, of a server certificate for `names`, and of a client certificate; `folder` holds them as `ca.pem`, `server.pem`, ... */
export interface Certificates {
  readonly folder: string
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

/** Makes a fresh authority and certificates in `folder` with openssl, valid for a day. */
export async function makeCertificates(folder: string, names = 'DNS:localhost,IP:127.0.0.1'): Promise<Certificates> {
  const at = (name: string): string => join(folder, name)
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await run('openssl', ['req', '-x509', ...curve, '-keyout', at('ca-key.pem'), '-out', at('ca.pem'), '-subj', '/CN=test authority', '-days', '1'])
  for (const [name, extensions] of [
    ['server', `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`],
    ['client', 'extendedKeyUsage=clientAuth\n'],
  ] as const) {
    await writeFile(at(`${name}.ext`), extensions)
    await run('openssl', ['req', ...curve, '-keyout', at(`${name}-key.pem`), '-out', at(`${name}.csr`), '-subj', `/CN=${name}`])
    const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca-key.pem'), '-CAcreateserial', '-days', '1', '-extfile', at(`${name}.ext`)]
    await run('openssl', ['x509', '-req', '-in', at(`${name}.csr`), '-out', at(`${name}.pem`), ...signed])
  }
  const [ca, cert, key] = await Promise.all(['ca.pem', 'client.pem', 'client-key.pem'].map(name => readFile(at(name))))
  if (!ca || !cert || !key) throw new Error('Three files were read.')
  return { folder, ca, cert, key }
}
