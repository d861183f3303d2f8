/** The command line is not as it should be; the message says what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
