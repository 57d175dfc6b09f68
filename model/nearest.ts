import leven from 'leven'

/** The longest name that is compared with others, in characters. */
const NAME_LENGTH = 128
/** The most pairs of letters that searches with one budget may compare: about 10 ms. */
const LETTER_PAIRS = 2_000_000
/** The cost of a candidate that is not compared letter by letter. */
const CANDIDATE_COST = 16

/** The remaining cost of several searches together, in pairs of letters. */
export interface SearchBudget {
  left: number
}

export function createSearchBudget(): SearchBudget {
  return { left: LETTER_PAIRS }
}

/**
 * The candidate that a person probably meant: at most a third of the letters differ, ignoring case; undefined
 * without a near one, and for very long names. Candidates are compared in their order until the budget ends.
 */
export function nearest(
  typed: string,
  candidates: Iterable<string>,
  budget = createSearchBudget(),
): string | undefined {
  if (typed.length > NAME_LENGTH) return undefined
  let best: { candidate: string; distance: number } | undefined
  const wanted = typed.toLowerCase()
  for (const candidate of candidates) {
    budget.left -= CANDIDATE_COST
    if (budget.left < 0) break
    const most = Math.max(2, Math.floor(candidate.length / 3))
    if (candidate.length > NAME_LENGTH || Math.abs(candidate.length - typed.length) > most) continue
    budget.left -= candidate.length * typed.length
    const distance = leven(wanted, candidate.toLowerCase())
    if (distance <= most && (!best || distance < best.distance)) best = { candidate, distance }
  }
  return best?.candidate
}
