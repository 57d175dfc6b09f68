/** The stored text of the member `data` of an object. */
const texts = new WeakMap<object, string>()

/** Remembers the stored text of an object's `data`, so that an answer can contain it without parsing it. */
export function rememberText<Holder extends object>(holder: Holder, text: string): Holder {
  texts.set(holder, text)
  return holder
}

/** The stored text of an object's `data`; undefined when it must be printed. */
export function storedText(holder: object): string | undefined {
  return texts.get(holder)
}
