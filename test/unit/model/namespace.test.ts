import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseKey, splitKey } from '../../../model/key.ts'
import {
  CLUSTER,
  controllerScope,
  isControllerId,
  overridesKey,
  parseNamespace,
  parseScope,
  schemaKey,
  schemaPrefix,
} from '../../../model/namespace.ts'

const part = () => fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)

describe('A namespace', () => {
  it('is any two good parts', () => {
    fc.assert(
      fc.property(part(), part(), (username, name) =>
        assert.equal(parseNamespace(`${username}/${name}`), `${username}/${name}`),
      ),
    )
  })

  it.each([
    '',
    'kytos',
    '/kytos',
    'kytos/',
    'kytos/of_lldp/x',
    'kytos//of_lldp',
    '../settings',
    'kytos/..',
    '__proto__/x',
    'kytos/__proto__',
    'kytos/of\u0000lldp',
    'kytos/of lldp',
    'kytos/é',
    'kytos/of_lldp\n',
    '-rf/x',
    `kytos/${'a'.repeat(65)}`,
    7,
    null,
    undefined,
    ['kytos/of_lldp'],
    { toString: () => 'kytos/of_lldp' },
  ])('is not %j, and the error says what one is', value => {
    expect(() => parseNamespace(value)).toThrow(
      expect.objectContaining({
        code: 'NAMESPACE_MALFORMED',
        message: expect.stringContaining('"username/name"'),
      }),
    )
  })
})

describe('A scope', () => {
  it('is the cluster when nothing is said', () => {
    assert.equal(parseScope(undefined, 'one'), CLUSTER)
    assert.equal(parseScope('cluster', 'one'), CLUSTER)
  })

  it('is this controller, or another one by name', () => {
    assert.equal(parseScope('controller', 'one'), 'controller:one')
    assert.equal(parseScope('controller:two', 'one'), controllerScope('two'))
  })

  it.each([
    '',
    'Cluster',
    'controller:',
    'controller:..',
    'controller:a/b',
    'controllers:a',
    'controller:a\n',
    null,
    1,
    {},
  ])('is not %j', value => {
    expect(() => parseScope(value, 'one')).toThrow(expect.objectContaining({ code: 'SCOPE_MALFORMED' }))
  })

  it('names controllers as it names NApps', () => {
    fc.assert(fc.property(part(), id => assert.equal(isControllerId(id), true)))
    for (const id of ['', '.', '..', 'a/b', 'a:b', 'a b']) assert.equal(isControllerId(id), false)
  })
})

describe('The keys of a namespace', () => {
  it('are one to one with namespace and scope', () => {
    const scope = fc.oneof(fc.constant(CLUSTER), part().map(controllerScope))
    const both = fc.record({ namespace: fc.tuple(part(), part()), scope })
    fc.assert(
      fc.property(both, both, (a, b) => {
        const [first, second] = [a, b].map(({ namespace, scope }) =>
          overridesKey(parseNamespace(namespace.join('/')), scope),
        )
        assert.ok(first && second)
        assert.equal(parseKey(first), first)
        assert.equal(first === second, JSON.stringify(a) === JSON.stringify(b))
      }),
    )
  })

  it('have the place that the contract says', () => {
    const namespace = parseNamespace('kytos/of_l2ls.x')
    assert.equal(overridesKey(namespace, CLUSTER), 'settings/kytos/of_l2ls%2Ex')
    assert.equal(
      overridesKey(namespace, controllerScope('c-1.example')),
      'controllers/c-1%2Eexample/kytos/of_l2ls%2Ex',
    )
    assert.equal(schemaPrefix(namespace), 'schemas/kytos/of_l2ls%2Ex/')
    assert.deepEqual(splitKey(schemaKey(namespace, 'abc')).segments, ['kytos', 'of_l2ls.x', 'abc'])
    assert.ok(schemaKey(namespace, 'abc').startsWith(schemaPrefix(namespace)))
  })
})
