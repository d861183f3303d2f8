import { openapiFiles } from './openapi.ts'
import { pythonContract } from './python.ts'

/** Every generated file: its path in the repository and its text. */
export async function generatedFiles(): Promise<Map<string, string>> {
  return new Map([['python/pixelllm/contract.py', pythonContract()], ...(await openapiFiles())])
}
