/** Namespaces that all writers change, without a guard. */
export const SHARED = ['kytos/shared_0', 'kytos/shared_1', 'kytos/shared_2', 'of-core/shared.3']
/** A namespace of large documents; of its own, for every fact of a namespace holds its document twice. */
export const BULKY = 'kytos/bulky'
/** Namespaces that come and go. */
export const PASSING = ['kytos/passing_0', 'kytos/passing_1']
/** Namespaces that are only ever changed by compare-and-set. */
export const REGISTERS = ['kytos/register_0', 'kytos/register_1', 'kytos/register_2']

/** Namespaces of changes that have to be confirmed, by all writers. */
export const CONFIRMED = ['kytos/confirmed_0', 'kytos/confirmed_1', 'kytos/confirmed_2']
/** Namespaces of changes that each writer leaves to their time, in the scope of its controller. */
export const LEFT = ['kytos/left_0', 'kytos/left_1']

/** Longest pause between reading something and writing it for the revision that was read, in ms. */
export const THINKING = 25
