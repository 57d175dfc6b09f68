/**
 * Characters that drive a terminal or change the order of its text: C0 except tab and newline, DEL, C1, line
 * and paragraph separators, and the bidirectional controls.
 */
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/**
 * The text with every control character but tab and newline as its JSON escape, such as `\u009b`. A JSON text
 * keeps its value, because its raw control characters are all inside strings.
 */
export function escapeControls(text: string): string {
  return text.replaceAll(CONTROLS, one => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** True for a text with a control character that {@link escapeControls} replaces. */
export function hasControls(text: string): boolean {
  return text.search(CONTROLS) >= 0
}
