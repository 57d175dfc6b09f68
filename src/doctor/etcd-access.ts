import { shellWord } from '../../model/quote.ts'
import type { Config } from '../boot/config.ts'
import { isLoopback } from '../boot/loopback.ts'
import { type Finding, hint, warning } from './finding.ts'

/** Examines whether other clients can access etcd, or read its traffic. */
export function examineAccess({ file, etcd: { endpoints, prefix, username, cert } }: Config): Finding[] {
  const findings: Finding[] = []
  const far = endpoints.filter(endpoint => !isLoopback(new URL(endpoint).hostname.replace(/^\[|\]$/g, '')))
  if (username === undefined && cert === undefined) {
    const what =
      'It is used without a user and without a certificate: ' +
      'every client that reaches it can change all settings.'
    findings.push(
      (far.length > 0 ? warning : hint)(
        'etcd.open',
        endpoints.join(', '),
        what,
        enableAuthCommand(endpoints, prefix, file),
      ),
    )
  }
  const plain = far.filter(endpoint => endpoint.startsWith('http:'))
  if (plain.length > 0) {
    const what = 'Settings and the password, if any, are sent unencrypted.'
    const repair =
      'Start etcd with --cert-file, --key-file and https: in --listen-client-urls and ' +
      `--advertise-client-urls; then endpoints and ca in [settings.etcd] of ${file}.`
    findings.push(warning('etcd.plain', plain.join(', '), what, repair))
  }
  return findings
}

/** The commands that enable authentication; they ask for the passwords of root and of the new user. */
function enableAuthCommand(endpoints: readonly string[], prefix: string, file: string): string {
  const steps = [
    'user add root',
    'role add root',
    'user grant-role root root',
    'role add kytos',
    `role grant-permission kytos --prefix=true readwrite ${shellWord(`${prefix}/`)}`,
    'user add kytos',
    'user grant-role kytos kytos',
    'auth enable',
  ]
  const commands = steps.map(step => `etcdctl ${step}`).join(' && ')
  return (
    `export ETCDCTL_ENDPOINTS=${shellWord(endpoints.join(','))}; ` +
    `${commands}   # then username = kytos and password_file in [settings.etcd] of ${file}`
  )
}
