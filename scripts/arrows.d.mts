export interface Room {
  readonly holds: string
  readonly imports: readonly string[]
}
export const ROOMS: Readonly<Record<string, Room>>
export function roomOf(path: string): string | undefined
export function foldersOf(room: string): readonly string[]
export function lintText(): string
export function architectureText(): string
