/** Where a command writes and what it hears of. */
export interface Terminal {
  /** Answers. */
  readonly out: Stream
  /** Progress and what went wrong. */
  readonly err: Stream
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal
}

export interface Stream {
  /** Whether a person reads it. */
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}
