/** `broken`: something does not work, or soon will not. `warning`: it works, and should not stay so. `hint`: worth knowing. */
export type Severity = 'broken' | 'warning' | 'hint'

interface Kind {
  /** As which it may be told, gravest first. */
  readonly severity: readonly Severity[]
  /** What it means, for the table in docs/moving-stores.md. */
  readonly means: string
}

/** Every finding that there is, by its code. Codes are stable; the sentences that are told with them are not. */
export const FINDINGS = {
  'config.absent': { severity: ['broken'], means: 'There is no such configuration file.' },
  'config.invalid': { severity: ['broken'], means: 'The file is read, and lines of it are wrong.' },
  'config.credentials': { severity: ['broken'], means: 'A certificate, key or password file does not hold what it should.' },
  'config.untrusted': {
    severity: ['broken'],
    means: 'It names a backend of another package, and another user could have written it or the module: its code is not run.',
  },
  'backend.invalid': { severity: ['broken'], means: 'The module of such a backend cannot be loaded, or its options are wrong.' },
  'file.absent': { severity: ['broken'], means: 'A file that the configuration names is not there.' },
  'file.unreadable': { severity: ['broken'], means: 'This user may not read it.' },
  'secret.readable': { severity: ['warning'], means: 'Everybody on this host can read a key, a password or a token.' },
  'certificate.expired': {
    severity: ['broken', 'warning'],
    means: "The service's, the client's or an authority's certificate has run out; a warning where another authority beside it still counts.",
  },
  'certificate.early': { severity: ['broken', 'warning'], means: 'It is not valid yet, or the clock of this host is behind.' },
  'certificate.expiring': { severity: ['warning'], means: 'It runs out within 30 days.' },
  'certificate.key': { severity: ['broken'], means: 'The key beside it belongs to another certificate.' },
  'service.stopped': { severity: ['hint'], means: 'No service with this configuration runs here.' },
  'service.gone': { severity: ['warning'], means: 'One was killed: it left its address behind.' },
  'service.silent': { severity: ['broken'], means: 'Something takes connections at its address and gives no answer, or not its answer.' },
  'service.state': { severity: ['broken'], means: 'It is STALE or OFFLINE.' },
  'service.unreadable': { severity: ['broken'], means: 'Its address cannot be read.' },
  'folder.none': { severity: ['broken'], means: 'Something else stands where a folder should be.' },
  'folder.unwritable': { severity: ['broken'], means: 'This user may not write there, or the file system is read-only.' },
  'folder.open': { severity: ['broken'], means: 'Others may write there, past every check.' },
  'folder.readable': { severity: ['warning'], means: 'Everybody may look into the journal.' },
  'disk.full': { severity: ['broken'], means: 'Less than 32 MiB, or room for fewer than 1,000 files, is left.' },
  'disk.little': { severity: ['warning'], means: 'Less than 256 MiB is left.' },
  'lock.held': { severity: ['broken'], means: 'Another process has the store open.' },
  'lock.command': { severity: ['broken'], means: 'There is no flock command, without which no store in a folder opens.' },
  'store.none': { severity: ['hint'], means: 'Nothing is stored there yet.' },
  'store.unreadable': { severity: ['broken'], means: 'The store of such a backend cannot be opened or read.' },
  'store.format': { severity: ['broken'], means: 'The store is being filled, is from a newer release, or is none of ours.' },
  'store.overlap': { severity: ['broken'], means: 'It lies among the documents of another store, or another one among its own: neither opens.' },
  'journal.torn': { severity: ['warning'], means: 'Its last write was not finished.' },
  'journal.kept': { severity: ['hint'], means: 'An unfinished write was cut off and kept beside.' },
  'journal.large': { severity: ['warning'], means: 'It takes far more room than what it says.' },
  'journal.damaged': { severity: ['broken'], means: 'It cannot be read.' },
  'file.broken': { severity: ['warning'], means: 'A file of the store was edited by hand and is not JSON.' },
  'file.edited': { severity: ['hint'], means: 'It was edited by hand, and no service has taken that in yet.' },
  'file.missing': {
    severity: ['warning'],
    means: 'A file of the store is missing although no person removed it while a service ran; its document is kept.',
  },
  'file.unwritable': { severity: ['warning'], means: 'A file of the store cannot be kept up to date; its document is safe.' },
  'file.rejected': { severity: ['hint'], means: 'Such an edit was set aside by a later change.' },
  'etcd.unreachable': { severity: ['broken'], means: 'An endpoint does not answer.' },
  'etcd.refused': { severity: ['broken'], means: 'It answers, and refuses: user, password, rights or certificates.' },
  'etcd.readonly': { severity: ['broken'], means: 'The user may read below the prefix, and not write.' },
  'etcd.unreadable': { severity: ['broken'], means: 'The endpoints answer, and what is stored cannot be read.' },
  'etcd.leaderless': { severity: ['broken'], means: 'The cluster has no leader: too few members run.' },
  'etcd.outdated': { severity: ['warning'], means: 'The version has known faults in its watch: below 3.4.38, or below 3.5.22.' },
  'etcd.no_space': { severity: ['broken'], means: 'The alarm NOSPACE is on.' },
  'etcd.filling': { severity: ['warning'], means: 'More than 80 % of the quota is used.' },
  'etcd.compaction_off': { severity: ['hint'], means: 'Nothing on its command line compacts it.' },
  'etcd.compaction_short': { severity: ['hint'], means: 'Less than 10 minutes, or fewer than 10,000 changes, of history are kept.' },
  'etcd.compaction_passed': { severity: ['warning'], means: 'The service of this host is further behind than the history reaches.' },
  'etcd.open': { severity: ['warning', 'hint'], means: 'It is asked without a user and without a certificate; a hint on loopback.' },
  'etcd.plain': { severity: ['warning'], means: 'It is not on this host and is spoken to without TLS.' },
  'clock.etcd': { severity: ['warning'], means: "An endpoint's clock is more than 3 s off this host's." },
  'clock.skew': { severity: ['warning'], means: 'The clocks of two controllers differed by more than 2 s, as the history shows.' },
  'schema.unreadable': { severity: ['broken'], means: 'A stored schema is none.' },
  'overrides.invalid': { severity: ['broken'], means: 'Stored overrides do not validate, and what counts in their place.' },
  'secret.plain': { severity: ['warning'], means: 'Values that a schema calls sensitive are stored as they are.' },
  'napps.unreadable': { severity: ['broken'], means: 'The folder of the NApps cannot be read.' },
  'napp.broken': { severity: ['broken', 'hint'], means: 'A manifest is wrong; a hint for a NApp that is not enabled.' },
  'napp.missing': { severity: ['warning'], means: 'A NApp depends on one that is not enabled.' },
  'napp.cycle': { severity: ['broken'], means: 'NApps depend on each other in a circle.' },
  'napp.priority': { severity: ['hint'], means: 'A priority asks for an order that a dependency forbids.' },
  'napp.settings': { severity: ['broken'], means: 'kytos/settings is not enabled.' },
} as const satisfies Readonly<Record<string, Kind>>

export type FindingCode = keyof typeof FINDINGS

/** The codes that may be told as one severity. */
export type CodeOf<S extends Severity> = {
  [Code in FindingCode]: S extends (typeof FINDINGS)[Code]['severity'][number] ? Code : never
}[FindingCode]
