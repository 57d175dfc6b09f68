/**
 * The settings of the link discovery: the only declaration of their types, validation and documentation.
 *
 * @satisfies {import('kytos-settings').JsonSchema}
 */
export const SCHEMA = /** @type {const} */ ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Link discovery',
  description: 'Detection of links between switches',
  type: 'object',
  additionalProperties: false,
  'x-apply': 'live',
  properties: {
    polling_time: {
      description: 'Seconds between two rounds of discovery packets',
      type: 'number',
      minimum: 0.1,
      maximum: 86_400,
      default: 3,
    },
    ignored_vlans: {
      description: 'VLAN ids without link discovery',
      type: 'array',
      items: { type: 'integer', minimum: 1, maximum: 4_094 },
      uniqueItems: true,
      default: [],
    },
    loop_actions: {
      description: 'Actions on a loop, in this order',
      type: 'array',
      items: { enum: ['log', 'disable'] },
      uniqueItems: true,
      default: ['log'],
    },
    ignored_loops: {
      description: 'Pairs of ports whose loop is ignored, by switch',
      type: 'object',
      propertyNames: { pattern: '^([0-9a-f]{2}:){7}[0-9a-f]{2}$' },
      additionalProperties: {
        type: 'array',
        items: { type: 'array', items: { type: 'integer', minimum: 1 }, minItems: 2, maxItems: 2 },
      },
      default: {},
    },
    liveness: {
      description: 'Limits at which a link goes up or down',
      type: 'object',
      additionalProperties: false,
      properties: {
        min_hellos: { description: 'Packets that bring a link up', type: 'integer', minimum: 1, default: 2 },
        dead_multiplier: {
          description: 'Missed rounds that take a link down',
          type: 'integer',
          minimum: 2,
          default: 5,
        },
      },
      default: {},
    },
    flow_cookie: {
      description:
        'Cookie of the flows that send discovery packets to the controller; an exact 64-bit number',
      type: 'integer',
      minimum: 0,
      maximum: 18446744073709551615n,
      default: 12321848580485677056n,
      'x-apply': 'restart',
    },
  },
})
