import fc from 'fast-check'

// Every run uses the same cases, so that a failure has its cause in a change. For other cases:
// FC_SEED=$RANDOM npm test -- test/unit
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.FC_SEED ?? 20_261_122) })
