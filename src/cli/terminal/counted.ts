const PLURALS: Readonly<Record<string, string>> = {
  box: 'boxes',
  'document of a controller': 'documents of controllers',
  'document of settings': 'documents of settings',
}
/** The name of one document of each kind that has another one. */
const SINGULARS: Readonly<Record<string, string>> = {
  boxes: 'box',
  controllers: 'document of a controller',
  history: 'history record',
  settings: 'document of settings',
}

/** A count with its noun, such as "1 document" and "2 documents". */
export function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : (PLURALS[noun] ?? `${noun}s`)}`
}

/** The count of each kind of documents, such as "1 schema, 2 boxes". */
export function countedKinds(kinds: Readonly<Record<string, number>>): string {
  return Object.entries(kinds)
    .map(([kind, count]) => counted(count, SINGULARS[kind] ?? kind.replace(/s$/, '')))
    .join(', ')
}
