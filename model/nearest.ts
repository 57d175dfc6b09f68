import leven from 'leven'

/**
 * The candidate that a person probably meant: at most a third of the letters differ, ignoring case; undefined
 * when there is none.
 */
export function nearest(typed: string, candidates: Iterable<string>): string | undefined {
  let best: { candidate: string; distance: number } | undefined
  const wanted = typed.toLowerCase()
  for (const candidate of candidates) {
    const distance = leven(wanted, candidate.toLowerCase())
    if (distance <= Math.max(2, Math.floor(candidate.length / 3)) && (!best || distance < best.distance))
      best = { candidate, distance }
  }
  return best?.candidate
}
