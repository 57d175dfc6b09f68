// `npm pack` and `npm publish` call this first: the package contains a current build, and the dependencies of
// the lock file, with which the tests ran. Otherwise an installation would take newer ones, which may require
// a newer Node: the `overrides` of package.json count in the checkout only.
import { build, installPackages } from './prepare.mjs'

installPackages()
build()
