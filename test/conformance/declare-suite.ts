import { describe, it, vi } from 'vitest'
import type { Subject } from '../../conformance/harness/case.ts'
import { suite } from '../../conformance/suite.ts'

/** Cases of all groups that run at once: they mostly wait. */
const CASES_AT_ONCE = 12

/** Declares the conformance suite of this backend as tests of the file that calls it. */
export function declareSuite(subject: Subject): void {
  vi.setConfig({ maxConcurrency: CASES_AT_ONCE })
  suite(subject, { describe, it })
}
