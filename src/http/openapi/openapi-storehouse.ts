import { BOX_BODY } from './openapi-bodies.ts'
import { listOf, objectOf } from './openapi-nouns.ts'
import { ANY } from './openapi-schema.ts'
import type { Operation, Route, Success } from './operation.ts'
import { STOREHOUSE } from './paths.ts'

/*
 * The routes of storehouse 1.3.2 (docs/storehouse.md). It ignores query parameters, so no operation has any.
 */

const V1 = `${STOREHOUSE}/v1`
const V2 = `${STOREHOUSE}/v2`
const TEXT = { type: 'string' } as const
const MAYBE_TEXT = { type: ['string', 'null'] } as const

const DATA: Success = { description: 'The data of the box.', schema: ANY, headers: ['ETag'] }

const CREATE: Operation = {
  summary: 'Creates a box.',
  commands: ['kytos.storehouse.create'],
  // The service chooses the id.
  excludes: ['DOCUMENT_EXISTS'],
  body: BOX_BODY,
  success: {
    201: {
      description: 'The box was created.',
      schema: objectOf({ response: TEXT, id: TEXT }),
      headers: ['ETag', 'Location'],
    },
  },
}

const update = (summary: string): Operation => ({
  summary,
  commands: ['kytos.storehouse.update'],
  excludes: ['METHOD_NOT_FOUND'],
  headers: ['If-Match'],
  body: BOX_BODY,
  success: { 200: DATA },
})

const BACKUP: Operation = {
  summary: 'A backup of boxes in the format of storehouse.',
  commands: ['kytos.storehouse.list', 'kytos.storehouse.retrieve'],
  success: {
    200: {
      description: 'An object with a member for each box id: the box as a string that contains JSON.',
      schema: { type: 'object', additionalProperties: TEXT },
    },
  },
  errors: ['BOX_NOT_FOUND'],
}

const BOX = {
  GET: {
    summary: 'The data of a box.',
    commands: ['kytos.storehouse.retrieve'],
    tagged: true,
    success: { 200: DATA },
    errors: ['BOX_NOT_FOUND'],
  },
  PUT: update('Replaces the data of a box.'),
  PATCH: update('Replaces top-level members of the data of a box; null is stored as a value.'),
  DELETE: {
    summary: 'Deletes a box.',
    commands: ['kytos.storehouse.delete'],
    headers: ['If-Match'],
    success: { 200: { description: 'The box was deleted.', schema: objectOf({ response: TEXT }) } },
    errors: ['BOX_NOT_FOUND'],
  },
} satisfies Omit<Route, 'path'>

export const STOREHOUSE_ROUTES = {
  boxes: {
    path: `${V1}/:namespace`,
    GET: {
      summary: 'The ids of the boxes of a namespace, in the order of creation.',
      commands: ['kytos.storehouse.list'],
      success: { 200: { description: 'The ids; empty for an unknown namespace.', schema: listOf(TEXT) } },
    },
    POST: CREATE,
  },
  box: { path: `${V1}/:namespace/:box_id`, ...BOX },
  search: {
    path: `${V1}/:namespace/search_by/:option/:query`,
    GET: {
      summary: 'The boxes whose id, owner or time of creation contains a text.',
      commands: ['kytos.storehouse.list', 'kytos.storehouse.retrieve'],
      success: {
        200: {
          description: 'The metadata of the boxes.',
          schema: listOf(
            objectOf({ box_id: TEXT, owner: MAYBE_TEXT, created_at: TEXT, write_id: MAYBE_TEXT }),
          ),
        },
      },
      errors: ['BOX_NOT_FOUND'],
    },
  },
  backups: { path: `${V1}/backup/:namespace`, ...BOX, GET: BACKUP },
  backup: { path: `${V1}/backup/:namespace/:box_id`, GET: BACKUP },
  newBox: { path: `${V2}/:namespace`, POST: CREATE },
  newNamedBox: { path: `${V2}/:namespace/:box_id`, POST: { ...CREATE, excludes: [] } },
} satisfies Readonly<Record<string, Route>>
