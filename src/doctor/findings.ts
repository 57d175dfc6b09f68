/**
 * The severity of a finding. `broken`: a function fails, or soon will. `warning`: it works, but requires a
 * repair. `hint`: information.
 */
export type Severity = 'broken' | 'warning' | 'hint'

interface FindingKind {
  /** The possible severities, most severe first. */
  readonly severity: readonly Severity[]
  /** The meaning, for the table in docs/moving-stores.md. */
  readonly means: string
}

/** All findings by code. Codes are stable; the sentences of findings are not. */
export const FINDINGS = {
  'config.absent': { severity: ['broken'], means: 'The configuration file does not exist.' },
  'config.invalid': { severity: ['broken'], means: 'The configuration file has invalid lines.' },
  'config.credentials': {
    severity: ['broken'],
    means: 'The content of a certificate, key or password file is invalid.',
  },
  'config.untrusted': {
    severity: ['broken'],
    means:
      'Another user could have written the configuration file or its backend module; ' +
      'the module is not executed.',
  },
  'backend.invalid': {
    severity: ['broken'],
    means: 'The module of a backend of another package cannot be loaded, or its options are invalid.',
  },
  'file.absent': { severity: ['broken'], means: 'A file named in the configuration does not exist.' },
  'file.unreadable': {
    severity: ['broken'],
    means: 'This user cannot read a file named in the configuration.',
  },
  'secret.readable': {
    severity: ['warning'],
    means: 'All users of this host can read a key, a password or a token.',
  },
  'certificate.expired': {
    severity: ['broken', 'warning'],
    means:
      'A certificate of the service, the client or an authority has expired; ' +
      'a warning if another authority in the file is valid.',
  },
  'certificate.early': {
    severity: ['broken', 'warning'],
    means: 'A certificate is not valid yet, or the clock of this host is behind.',
  },
  'certificate.expiring': { severity: ['warning'], means: 'A certificate expires within 30 days.' },
  'certificate.key': { severity: ['broken'], means: 'A key does not match its certificate.' },
  'service.stopped': { severity: ['hint'], means: 'No service with this configuration runs on this host.' },
  'service.connections': {
    severity: ['warning'],
    means: 'The service rejected connections since its start, or most of its connections are in use.',
  },
  'service.gone': { severity: ['warning'], means: 'The service was killed; its address file remains.' },
  'service.silent': {
    severity: ['broken'],
    means:
      'A process accepts connections at the address of the service, but does not respond as the service.',
  },
  'service.state': { severity: ['broken'], means: 'The service is STALE or OFFLINE.' },
  'service.unreadable': { severity: ['broken'], means: 'The address file of the service cannot be read.' },
  'user.other': {
    severity: ['broken'],
    means:
      'This user may not look into a folder, which belongs to another user. Run the doctor as that user.',
  },
  'folder.none': { severity: ['broken'], means: 'The path of a folder is not a folder.' },
  'folder.unwritable': {
    severity: ['broken'],
    means: 'This user cannot write into a folder, or its file system is read-only.',
  },
  'folder.open': {
    severity: ['broken'],
    means: 'Other users can write into a folder of the store, without validation.',
  },
  'folder.readable': { severity: ['warning'], means: 'All users of this host can read the journal.' },
  'disk.full': {
    severity: ['broken'],
    means: 'The disk has less than 32 MiB or fewer than 1,000 inodes left.',
  },
  'disk.little': { severity: ['warning'], means: 'The disk has less than 256 MiB left.' },
  'lock.held': { severity: ['broken'], means: 'Another process holds the lock of the store.' },
  'lock.command': {
    severity: ['broken'],
    means: 'The flock command, which a filesystem store requires, is missing.',
  },
  'store.none': { severity: ['hint'], means: 'The store does not exist yet.' },
  'store.unreadable': {
    severity: ['broken'],
    means: 'The store of a backend of another package cannot be opened or read.',
  },
  'store.format': {
    severity: ['broken'],
    means: 'The store is incomplete, from a newer release, or not a store of this service.',
  },
  'store.overlap': { severity: ['broken'], means: 'The store overlaps another store; neither opens.' },
  'journal.torn': { severity: ['warning'], means: 'The last write to the journal was incomplete.' },
  'journal.kept': {
    severity: ['hint'],
    means: 'An incomplete write was moved to a file beside the journal.',
  },
  'journal.large': { severity: ['warning'], means: 'The journal is far larger than its content.' },
  'journal.damaged': { severity: ['broken'], means: 'The journal cannot be read.' },
  'file.broken': {
    severity: ['warning'],
    means: 'A readable file was edited by hand and is not valid JSON.',
  },
  'file.edited': {
    severity: ['hint'],
    means: 'A readable file was edited by hand and has not been imported yet.',
  },
  'file.missing': {
    severity: ['warning'],
    means: 'A readable file is missing, but was not removed while a service ran; its document is kept.',
  },
  'file.unwritable': {
    severity: ['warning'],
    means: 'A readable file cannot be updated; its document is safe.',
  },
  'file.rejected': {
    severity: ['hint'],
    means: 'A rejected hand edit was replaced by a later change and kept.',
  },
  'etcd.unreachable': { severity: ['broken'], means: 'An etcd endpoint does not respond.' },
  'etcd.refused': {
    severity: ['broken'],
    means: 'An etcd endpoint rejects the user, password, permissions or certificates.',
  },
  'etcd.readonly': { severity: ['broken'], means: 'The etcd user can read below the prefix, but not write.' },
  'etcd.unreadable': {
    severity: ['broken'],
    means: 'The endpoints respond, but the stored documents cannot be read.',
  },
  'etcd.leaderless': { severity: ['broken'], means: 'The cluster has no leader: too few members run.' },
  'etcd.outdated': {
    severity: ['warning'],
    means: 'The etcd version has known watch bugs: below 3.4.38, 3.5.22 or 3.6.2.',
  },
  'etcd.no_space': { severity: ['broken'], means: 'The etcd alarm NOSPACE is active.' },
  'etcd.filling': { severity: ['warning'], means: 'More than 80 % of the etcd quota is used.' },
  'etcd.compaction_off': {
    severity: ['hint'],
    means: 'The command line of etcd does not enable auto-compaction.',
  },
  'etcd.compaction_short': {
    severity: ['hint'],
    means: 'etcd keeps less than 10 minutes, or fewer than 10,000 changes, of history.',
  },
  'etcd.compaction_passed': {
    severity: ['warning'],
    means: 'The service of this host is further behind than the history of etcd.',
  },
  'etcd.open': {
    severity: ['warning', 'hint'],
    means: 'etcd is used without a user and without a certificate; a hint on loopback.',
  },
  'etcd.plain': { severity: ['warning'], means: 'etcd is on another host and is used without TLS.' },
  'clock.etcd': {
    severity: ['warning'],
    means: 'The clock of an etcd endpoint differs from this host by more than 3 s.',
  },
  'clock.skew': {
    severity: ['warning'],
    means: 'The clocks of two controllers differed by more than 2 s, according to the history.',
  },
  'schema.unreadable': {
    severity: ['broken'],
    means: 'A stored schema is not a valid schema, or too costly to use.',
  },
  'schema.versions': {
    severity: ['hint'],
    means: 'Schemas of several versions of a NApp are stored.',
  },
  'controller.unseen': {
    severity: ['warning', 'hint'],
    means:
      'Another controller id has overrides, and this controller has none, or no other can open the store.',
  },
  'overrides.invalid': {
    severity: ['broken'],
    means: 'Stored overrides do not match their schema, or are a manual edit that does not count.',
  },
  'box.unreadable': { severity: ['broken'], means: 'A stored box is not UTF-8 JSON; reading it fails.' },
  'secret.plain': {
    severity: ['warning'],
    means: 'Values that a schema marks as sensitive are stored unencrypted.',
  },
  'secret.keys': {
    severity: ['broken'],
    means: 'The keys of secrets cannot be read, or other users may access them.',
  },
  'secret.key_missing': {
    severity: ['broken'],
    means: 'Secrets are sealed with a key that this controller does not have.',
  },
  'secret.damaged': {
    severity: ['warning'],
    means: 'A sealed secret is damaged, or of another place; it does not count.',
  },
  'secret.outdated': {
    severity: ['hint'],
    means: 'Secrets are sealed with a key that is not the newest.',
  },
  'secret.past': {
    severity: ['warning'],
    means: 'etcd keeps secrets in plain text at revisions before they were sealed.',
  },
  'bridge.inactive': {
    severity: ['warning'],
    means: 'kytosd runs without the bridge that is installed for it.',
  },
  'napps.unreadable': { severity: ['broken'], means: 'The folder of the NApps cannot be read.' },
  'napp.broken': {
    severity: ['broken', 'hint'],
    means: 'The manifest of a NApp is invalid; a hint for a NApp that is not enabled.',
  },
  'napp.files': {
    severity: ['broken', 'hint'],
    means:
      'The main file, schema or seed of a NApp is missing or invalid; ' +
      'a hint for a NApp that is not enabled.',
  },
  'napp.failed': {
    severity: ['broken'],
    means: 'The running service cannot start a NApp, or runs its previous version.',
  },
  'napp.not_loaded': {
    severity: ['hint'],
    means: 'No NApp of the running service uses the settings or the schema of a namespace.',
  },
  'napp.missing': { severity: ['warning'], means: 'A NApp depends on a NApp that is not enabled.' },
  'napp.cycle': { severity: ['broken'], means: 'The dependencies of NApps form a cycle.' },
  'napp.priority': { severity: ['hint'], means: 'The priority of a NApp contradicts its dependencies.' },
  'napp.settings': { severity: ['broken'], means: 'kytos/settings is not enabled.' },
} as const satisfies Readonly<Record<string, FindingKind>>

export type FindingCode = keyof typeof FINDINGS

/** The codes that may have one severity. */
export type CodeOf<S extends Severity> = {
  [Code in FindingCode]: S extends (typeof FINDINGS)[Code]['severity'][number] ? Code : never
}[FindingCode]
