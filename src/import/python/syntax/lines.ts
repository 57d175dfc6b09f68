/** The lines of a text: where each starts, and the number of the line of an offset, from 1. */
export interface Lines {
  readonly starts: readonly number[]
  lineOf(offset: number): number
}

export function findLines(text: string): Lines {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return {
    starts,
    lineOf(offset) {
      let [low, high] = [0, starts.length]
      while (high - low > 1) {
        const middle = (low + high) >> 1
        if ((starts[middle] ?? 0) <= offset) low = middle
        else high = middle
      }
      return low + 1
    },
  }
}
