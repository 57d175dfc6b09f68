/** The text that stands in the store for the value of a member `data`, of objects that were made from it. */
const texts = new WeakMap<object, string>()

/** Remembers the stored text of an object's `data`, so that an answer can send it without parsing it. */
export function rememberText<Holder extends object>(holder: Holder, text: string): Holder {
  texts.set(holder, text)
  return holder
}

/** The stored text of an object's `data`; undefined where it has to be printed. */
export function storedText(holder: object): string | undefined {
  return texts.get(holder)
}
