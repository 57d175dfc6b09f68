import type { Command, History } from '../history.ts'
import type { Findings } from './findings.ts'
import type { Truth } from './truth.ts'

/** What a bus says of a hook that took too long, on a machine that is busy. */
const LATE = /did not answer within|has not answered the request of/

/**
 * What the `changing` hook of a NApp refuses is never committed by the controller that the NApp runs at,
 * whoever asked; another controller may commit it, and so may a person. Nothing is vetoed that no hook
 * refuses.
 */
export function checkVetoes({ commands }: History, truth: Truth, findings: Findings): void {
  const seen = new Set<object>()
  for (const { path } of truth.lives) {
    for (const { records } of path) {
      for (const record of records) {
        const { document, data, controller, actor, moment } = record
        if (seen.size === seen.add(record).size || actor?.type === 'file') continue
        if (controller === '' || data?.refused_by !== controller) continue
        findings.wrong(
          `${controller} committed ${document} in revision ${moment.revision}, which its NApp refuses.`,
        )
      }
    }
  }
  for (const command of commands)
    if (isVetoed(command) && command.refusedBy !== command.controller) takeGroundless(command, findings)
}

function isVetoed({ outcome }: Command): boolean {
  return outcome.type === 'refused' && outcome.code === 'CHANGE_VETOED' && !LATE.test(outcome.message)
}

function takeGroundless({ id, controller, key }: Command, findings: Findings): void {
  findings.wrong(`${id} was vetoed at ${controller}, where no NApp refuses that change of ${key}.`)
}
