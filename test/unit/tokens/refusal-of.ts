import { isSettingsError } from '../../../model/errors.ts'

/** The SettingsError of a call; fails the test when it throws nothing, or another error. */
export async function refusalOf(
  call: () => unknown,
): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await call()
  } catch (error) {
    if (isSettingsError(error)) return error
    throw error
  }
  throw new Error('It was not refused.')
}
