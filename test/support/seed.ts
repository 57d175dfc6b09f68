import fc from 'fast-check'

// Every run tries the same cases, so that a red run means a change and not luck. To look further:
// FC_SEED=$RANDOM npm test -- test/unit
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.FC_SEED ?? 20_261_122) })
