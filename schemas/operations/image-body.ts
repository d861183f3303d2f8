/** What the operations that take an image have in common. */
import { z } from 'zod'
import type { ErrorCode } from '../error.ts'

export const imageFile = z.custom<Uint8Array>().meta({
  override: {
    type: 'string',
    format: 'binary',
    description: 'The image file (JPEG, PNG or WebP)',
  },
})

export const bodyErrors = [
  'invalid_request',
  'body_too_large',
  'body_unsupported',
  'image_too_large',
  'image_too_small',
  'image_unsupported',
  'image_unreadable',
] as const satisfies ErrorCode[]
