/** What authors of NApps import from `kytos-settings`. */
export type { Bus, KytosEvent, Listener, Unsubscribe } from '../events/event.ts'
export type { Box, CommandAnswer, CommandContent, CommandName, Commands, FactName, Facts, Settings } from '../events/map.ts'
export type { Actor } from '../model/actor.ts'
export { ERRORS, type ErrorCode, SettingsError } from '../model/errors.ts'
export { parseJson, printJson } from '../model/json.ts'
export type { Json, JsonObject } from '../model/value.ts'
export type { CreateNApp, Manifest, NApp, NAppContext } from './host/napp.ts'
export type { Log } from './log.ts'
