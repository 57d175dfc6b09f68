/** The exports of `kytos-settings` for authors of NApps. */

export type { Explanation, Preview, RejectedMember, ValueChange } from '../events/changes.ts'
export type {
  AdmissionRequest,
  Bus,
  ChangingHook,
  Consumer,
  KytosEvent,
  Listener,
  Unsubscribe,
} from '../events/event.ts'
export type { CommandAnswer, CommandContent, CommandName, Commands, FactName, Facts } from '../events/map.ts'
export type { Box, ServiceState, Settings, TransactionOperation, TransactionResult } from '../events/nouns.ts'
export type { Actor } from '../model/actor.ts'
export { ERRORS, type ErrorCode, SettingsError } from '../model/errors.ts'
export { parseJson, printJson } from '../model/json.ts'
export type { Json, JsonObject } from '../model/value.ts'
export { type MemoryOptions, type MemorySettings, openMemorySettings } from './app/memory-settings.ts'
export type { JsonSchema } from './client/json-schema.ts'
export type {
  AnyOperation,
  ChangeRequest,
  ChangingListener,
  LiveSettings,
  OpenSettings,
  OwnOperation,
  SettingsListener,
  TransactionOptions,
  UpdateOptions,
  ValueListener,
} from './client/live-settings.ts'
export type { CreateNApp, Manifest, NApp, NAppContext } from './client/napp.ts'
export { openSettings, type SettingsOwner } from './client/open-settings.ts'
export type { PatchOf } from './client/pointer-of.ts'
export { openRemoteBus, type RemoteBus, type RemoteBusOptions } from './client/remote/remote-bus.ts'
export type { RemoteListener, RemoteSubscription } from './client/remote/remote-subscriptions.ts'
export type { SettingsOf } from './client/settings-of.ts'
export type { Log } from './log/log.ts'
