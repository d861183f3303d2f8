import type { LoadedModel, Model } from '../../schemas/index.ts'
import type { StoredModel } from './model-folder.ts'

/** How a trained model fares. */
export interface Circumstances {
  readonly loaded: LoadedModel | undefined
  readonly isDefault: boolean
  /** Why it could not be loaded. */
  readonly fault: string | undefined
}

export function describeOwn(own: LoadedModel, isDefault: boolean): Model {
  return {
    ...own,
    status: 'active',
    default: isDefault,
    base_model: null,
    training_job: null,
    created_at: null,
    bytes: null,
    error: null,
  }
}

export function describeTrained(
  { folder: _, base_fingerprint: __, ...facts }: StoredModel,
  { loaded, isDefault, fault }: Circumstances,
): Model {
  return {
    ...facts,
    device: loaded?.device ?? null,
    dtype: loaded?.dtype ?? null,
    status: statusOf(loaded, fault),
    default: isDefault,
    error: loaded === undefined ? (fault ?? null) : null,
  }
}

function statusOf(loaded: LoadedModel | undefined, fault: string | undefined): Model['status'] {
  if (loaded !== undefined) return 'active'
  return fault === undefined ? 'inactive' : 'failed'
}
