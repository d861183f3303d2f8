import type { LabelStudioPrediction, LabelStudioResult } from '@pixelllm/sdk'

/** Results of one model, with the mean of their scores. */
export function predictionOf(
  model_version: string,
  result: readonly LabelStudioResult[],
): LabelStudioPrediction {
  const sum = result.reduce((total, { score }) => total + score, 0)
  return { model_version, score: result.length === 0 ? 0 : sum / result.length, result }
}
