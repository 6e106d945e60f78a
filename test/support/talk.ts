/** The ACR Task of the talk that this project comes from, `purgeFeatureImages.yaml`. */
export const TALK_TASK = `version: v1.1.0 # do not put this in your yaml file
steps:
- cmd: acr purge --filter '^.*:[^F|f]eature[-0-9]*$' --ago 30d --untagged --keep 1 --dry-run
  disableWorkingDirectoryOverride: true
  timeout: 3600
`;
