import { join } from 'node:path'
import { Registry } from 'prom-client'
import { loadBackend } from '../boot/backend-registry.ts'
import { chooseBackend, nameStore } from '../boot/store-choice.ts'
import { requireTrusted } from '../boot/trust.ts'
import type { NApp } from '../client/napp.ts'
import type { SettingsContext } from '../host/settings-context.ts'
import { loadCertificate } from '../http/auth/certificate.ts'
import { type Http, openHttp } from '../http/server.ts'
import { logAnswer, logFact } from '../log/audit-log.ts'
import { measureBus } from '../metrics/bus.ts'
import { createCommitMeter } from '../metrics/commits.ts'
import { measureConsumers } from '../metrics/consumers.ts'
import { measureEventLoop } from '../metrics/event-loop.ts'
import { createMetrics } from '../metrics/metrics.ts'
import { measureSecrets } from '../metrics/secrets.ts'
import { keySource } from '../secrets/key-source.ts'
import { Environment } from '../state/environment.ts'
import { createLocalAuth, type LocalAuth } from '../tokens/local-auth.ts'
import { SnapshotFile } from '../watcher/snapshot.ts'
import { createAuthOptions } from './auth-options.ts'
import { createService, type Service } from './service.ts'

/**
 * The Settings NApp, `kytos/settings`. It opens the HTTP server, then the store, and is ready when there are
 * settings to return.
 * @example
 * const napp = createNApp(context) // The host passes its context.
 * await napp.setup?.()
 * await napp.shutdown?.()
 */
export default function createNApp(context: SettingsContext): NApp {
  let service: Service | undefined
  let http: Http | undefined
  let localAuth: LocalAuth | undefined
  let stopMeasuring = (): void => {}

  return {
    async setup() {
      const { bus, config, log } = context
      const { listen, port, hosts, tls_cert: cert, tls_key: key } = config.settings
      const own = join(config.settings.state_dir, config.settings.controller)
      await requireTrusted(own, `The state in ${own} is not used`)
      const choice = await chooseBackend(config, warning => log.warn(warning))
      const certificate =
        cert === undefined || key === undefined ? undefined : await loadCertificate({ cert, key })
      const createBackend = await loadBackend(choice)
      const registry = new Registry()
      const commits = createCommitMeter(registry)
      const created = createService((report, seal) => commits.measure(createBackend(report, seal)), {
        keys: keySource(config.settings.keys, context.env),
        bus,
        log,
        controller: config.settings.controller,
        strict: config.settings.strict,
        history: config.settings.history,
        snapshot: new SnapshotFile(join(own, 'snapshot.json'), nameStore(choice), log),
        startTimeout: config.settings.start_timeout * 1_000,
        environment: new Environment(context.env),
        pace: { reconcile: config.settings.reconcile * 1_000 },
        napps: context.napps,
        fatal: error => context.abort(error),
      })
      service = created
      // The server opens before the store, so that it reports the health while the store is unavailable.
      const { feed, health, tokens, fileProblems } = created
      localAuth = createLocalAuth(own, tokens, log)
      const auth = createAuthOptions(config, localAuth.tokens, log)
      const metrics = createMetrics({ feed, health, fileProblems, registry })
      measureBus(registry, bus)
      measureSecrets(registry, created.secretCounts)
      measureConsumers(registry, created.consumers)
      stopMeasuring = measureEventLoop(registry)
      feed.follow(undefined, event => logFact(log, event))
      bus.onAnswer(answered => logAnswer(log, answered))
      http = await openHttp({
        bus,
        feed,
        health,
        metrics,
        listen,
        port,
        hosts,
        log,
        auth,
        isAnnounced: () => localAuth?.isAnnounced ?? false,
        ...(certificate && { certificate }),
      })
      await created.start()
      await localAuth.open(http.addressUrl)
      // All schemas are known only after the NApps have started.
      void context.started.then(() => created.reportEnvironment())
      const { state, revision, reason } = created.health()
      log.info(
        `${state} at revision ${revision} of ${nameStore(choice)}${reason ? ` (${reason})` : ''}; ${http.url}/api/kytos/settings/v1/`,
      )
    },

    async shutdown() {
      try {
        await localAuth?.close()
        await http?.close()
      } finally {
        await service?.close()
        stopMeasuring()
      }
    },
  }
}
