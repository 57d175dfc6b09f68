import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const DAY = 86_400_000
const CONFIG = `[ca]
default_ca = own
[own]
database = issued
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
`

/**
 * Creates `name.pem` and `name-key.pem` in a folder with openssl: a self-signed certificate, valid between
 * two days relative to now.
 */
export async function makeDatedCertificate(
  folder: string,
  name: string,
  from: number,
  to: number,
): Promise<{ cert: string; key: string }> {
  const at = (ending: string): string => join(folder, `${name}${ending}`)
  await Promise.all([writeFile(join(folder, 'dated.cnf'), CONFIG), writeFile(join(folder, 'issued'), '')])
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await run('openssl', ['req', '-new', ...curve, '-keyout', at('-key.pem'), '-out', at('.csr'), ...names])
  const dates = ['-startdate', stamp(from), '-enddate', stamp(to)]
  const own = ['-selfsign', '-keyfile', at('-key.pem'), '-in', at('.csr'), '-out', at('.pem')]
  await run(
    'openssl',
    ['ca', '-batch', '-notext', '-rand_serial', '-config', 'dated.cnf', ...own, ...dates],
    { cwd: folder },
  )
  return { cert: at('.pem'), key: at('-key.pem') }
}

function stamp(days: number): string {
  return `${new Date(Date.now() + days * DAY).toISOString().replaceAll(/[-:T]|\..*/g, '')}Z`
}
