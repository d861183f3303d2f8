/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  // The workspaces' sources in place of what is built of them.
  testEnvironmentOptions: { customExportConditions: ['node', 'node-addons', '@pixelllm/source'] },
  // A busy machine: tests wait for events, and this is only the end of their patience.
  testTimeout: 30_000,
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  testMatch: ['<rootDir>/tests/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
}
